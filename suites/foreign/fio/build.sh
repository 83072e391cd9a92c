# Makes a program of each job file below the source. Run by lab/foreign in the sandbox.
: >"$OUT/programs.txt"
cp -r . "$OUT/jobs"
cp "$ADAPTER/run-job.cjs" "$OUT/"
find . -name '*.fio' | sort | while read -r file; do
  name=$(basename "$file" .fio)
  printf '#!/bin/sh\nexec node run-job.cjs "jobs/%s"\n' "$file" >"$OUT/$name"
  chmod +x "$OUT/$name"
  echo "$name" >>"$OUT/programs.txt"
done
if [ ! -s "$OUT/programs.txt" ]; then
  echo 'the source has no job file: expected files named *.fio' >&2
  exit 1
fi
