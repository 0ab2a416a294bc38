#!/bin/sh
# clang as nginx's build calls a compiler: one command for C and C++. Its C++ is older than
# the module's unless told.
case " $* " in
    *".cpp "* | *" -x c++ "*) exec clang -std=c++17 "$@" ;;
esac
exec clang "$@"
