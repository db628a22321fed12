// Code that our flags would refuse: a variable that is not used, a name that hides another, a GNU extension.
#include <uptake/gan/trainer.h>

int sloppy(int n) {
  int unused = n;
  int values[n];
  for (int i = 0; i < n; ++i) {
    int n = i;
    values[i] = n;
  }
  return values[0];
}
