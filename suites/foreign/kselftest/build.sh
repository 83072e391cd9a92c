# Builds collections of self-tests with the headers of their own kernel tree. Run by lab/foreign in the sandbox.
# Collections of C programs that need nothing but the C library and a shell.
collections='breakpoints cachestat clone3 core fchmodat2 filelock futex ipc kcmp membarrier mincore mqueue openat2
  pidfd pid_namespace prctl ptrace rlimits rseq sigaltstack size splice sync syscall_user_dispatch timens timers tmpfs'

make -j"$JOBS" headers
mkdir -p "$OUT"
: >"$OUT/programs.txt"
for collection in $collections; do
  [ -d "tools/testing/selftests/$collection" ] || continue
  installed=$PWD/installed/$collection
  log=$PWD/$collection.log
  if make -j"$JOBS" -C tools/testing/selftests TARGETS="$collection" FORCE_TARGETS=1 INSTALL_PATH="$installed" install >"$log" 2>&1 &&
    [ -s "$installed/kselftest-list.txt" ]; then
    cp -r "$installed/$collection" "$OUT/"
    # Scripts find the library of the self-tests beside their collection.
    cp -r "$installed/kselftest" "$OUT/" 2>/dev/null || true
    sed 's/:/\//' "$installed/kselftest-list.txt" >>"$OUT/programs.txt"
  else
    # A collection that does not build has a result all the same.
    reason=$(grep -m1 -E 'error:|fatal|cannot find|\*\*\*' "$log" || tail -n1 "$log")
    mkdir -p "$OUT/$collection"
    printf '#!/bin/sh\necho %s\nexit 4\n' "'SKIP: the collection does not build here: ${reason//\'/}'" >"$OUT/$collection/not-built"
    chmod +x "$OUT/$collection/not-built"
    echo "$collection/not-built" >>"$OUT/programs.txt"
  fi
done
