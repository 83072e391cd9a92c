# Builds blktests, with one program for each of its tests. Run by lab/foreign in the sandbox.
# Helpers whose libraries this machine lacks are left out by its Makefile: the tests that need them say so.
# Guests have no liburing: its ublk server is linked with the static one.
make -j"$JOBS" -k MINIUBLK_LIBS="-lpthread -Wl,-Bstatic -luring -Wl,-Bdynamic" || true
mkdir -p "$OUT/blktests"
cp -r check common src tests "$OUT/blktests/"
cp "$ADAPTER/run-one.sh" "$OUT/"
: >"$OUT/programs.txt"
for group in block loop nvme throtl ublk zbd; do
  [ -f "tests/$group/rc" ] || continue
  mkdir -p "$OUT/$group"
  for test in "tests/$group"/[0-9][0-9][0-9]; do
    name=$group/${test##*/}
    printf '#!/bin/bash\nexec bash ../run-one.sh %s\n' "$name" >"$OUT/$name"
    chmod +x "$OUT/$name"
    echo "$name" >>"$OUT/programs.txt"
  done
done
