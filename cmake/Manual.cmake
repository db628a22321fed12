# The manual page, compressed as Debian wants it, and the completion for bash, as the program itself prints them.
# Usage: cmake -DPROGRAM=<uptake> -DTO=<folder> -P Manual.cmake
file(MAKE_DIRECTORY ${TO})
execute_process(COMMAND ${PROGRAM} --man OUTPUT_FILE ${TO}/uptake.1 COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND gzip -9nf ${TO}/uptake.1 COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${PROGRAM} --bash-completion OUTPUT_FILE ${TO}/uptake COMMAND_ERROR_IS_FATAL ANY)
