// Without a GPU cuBLASLt, which cuDNN asks about some of its algorithms, loses the little it has allocated for itself.
#if defined(__SANITIZE_ADDRESS__)
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libcublasLt\n"; }
#endif
