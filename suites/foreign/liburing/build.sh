# Builds liburing and its tests, which are linked with it statically. Run by lab/foreign in the sandbox.
./configure
# Without debugging information, which is most of what would be copied into each guest.
make -j"$JOBS" -C src CFLAGS='-O2'
make -j"$JOBS" -C test CFLAGS='-O2'
cp test/*.t "$OUT"
