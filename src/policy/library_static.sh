#!/bin/sh
# library_static.sh OUT DIR PARTS ARCHIVE...: one object of what the library's parts need of the archives, in which no name but the
# public ones can be seen.
set -eu
out=$1 dir=$2 parts=$3
shift 3
mkdir -p "$dir"
ld -r --whole-archive "$parts" --no-whole-archive --start-group "$@" --end-group -o "$dir/library.o"
objcopy --wildcard --keep-global-symbol='bulwark_policy_*' "$dir/library.o"
rm -f "$out"
ar rcs "$out" "$dir/library.o"
