// The entry point of every test program. Cases are in the folder of the same name as the library they test.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
