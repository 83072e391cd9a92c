#!/bin/bash
# Runs one test of blktests and reports it as TAP: a result for each device that it ran on, with blktests' own reasons.
# usage: run-one.sh GROUP/NUMBER, in the guest, in the folder of a group
name=$1
cd "$(dirname "$0")/blktests" || exit 1
# Without memory behind it null_blk reads what the kernel's memory held before.
modprobe -q null_blk gb=1 memory_backed=1 discard=1 2>/dev/null
devices=()
for device in /dev/nvme0n1 /dev/nullb0; do
  [ -b "$device" ] && devices+=("$device")
done
# Tests of zoned devices get one: 32 zones of 16 MiB in memory.
zoned=/sys/kernel/config/nullb/nullb1
if [[ $name == zbd/* ]]; then
  if mkdir "$zoned" 2>/dev/null; then
    for setting in size=512 memory_backed=1 zoned=1 zone_size=16 power=1; do
      echo "${setting#*=}" >"$zoned/${setting%%=*}"
    done
  fi
  [ -b /dev/nullb1 ] && devices=(/dev/nullb1)
fi
# With the shell of a guest Debian's zgrep -q fails where gzip has more to write: an option early in the config looks switched off.
zgrep() { grep "${@:1:$#-1}" <(gzip -dc "${@: -1}"); }
export -f zgrep
# blktests finds the controller of a drive by its number, which udev makes links for.
mkdir -p /dev/char
for controller in /sys/class/nvme/*/; do
  [ -r "$controller/dev" ] && ln -sfn "/dev/$(basename "$controller")" "/dev/char/$(cat "$controller/dev")"
done
# Images of targets are opened with O_DIRECT, which tmpfs takes since Linux 6.6: before that they lie on ext4.
output=$PWD/results
mkdir -p "$output"
if ! dd if=/dev/zero of="$output/direct" bs=4k count=1 oflag=direct 2>/dev/null; then
  output=$PWD/results-ext4
  if mkdir "$output" 2>/dev/null; then
    truncate -s 2G results.img && mkfs.ext4 -q results.img && mount -o loop results.img "$output" || exit 1
  fi
fi
rm -f results/direct
# A stress test runs for TIMEOUT seconds: an emulated guest finds little more in a minute. The images
# of its targets are in memory.
printf 'TEST_DEVS=(%s)\nTIMEOUT=15\nNVME_IMG_SIZE=350M\n' "${devices[*]}" >config
printed=$(./check --config=config --output="$output" "$name" 2>&1)

# A line of check ends a test with its status, [passed], [failed] or [not run]; indented lines after it say why.
awk -v name="$name" -v results="$output" '
  function report(   i, file, line, suffix) {
    if (status == "") return
    count++
    label = device == "" ? "without a device" : device
    if (variant != "") label = device == "" ? variant : device " " variant
    if (status == "passed") printf "ok %d - %s\n", count, label
    else if (status == "not run") printf "ok %d - %s # SKIP %s\n", count, label, reasons == "" ? "no reason given" : reasons
    else {
      printf "not ok %d - %s\n  ---\n  message: |-\n    %s\n", count, label, reasons == "" ? "no reason given" : reasons
      printf "  output: |-\n"
      suffix = variant == "" ? "" : "_" variant
      gsub(/[ =]/, "_", suffix)
      folder = results "/" (device == "" ? "nodev" : device) suffix "/" name
      split("out.bad full dmesg", kinds, " ")
      for (i = 1; i <= 3; i++) {
        file = folder "." kinds[i]
        lines = 0
        while ((getline line < file) > 0 && lines++ < 200) printf "    %s: %s\n", kinds[i], line
        close(file)
      }
      printf "  ...\n"
    }
    status = ""; reasons = ""
    delete seen; inside = 0
  }
  # Lines of a difference between the expected and the printed output: the first of each says what failed.
  function differs(text,   side) {
    if (text ~ /^(---|\+\+\+|@@)/) { inside = 1; return }
    side = substr(text, 1, 1)
    if (side != "-" && side != "+") { if (reasons == "" && !inside) reasons = text; return }
    if (side in seen) return
    seen[side] = 1
    text = (side == "-" ? "expected: " : "printed: ") substr(text, 2)
    reasons = reasons == "" ? text : reasons "; " text
  }
  BEGIN { print "TAP version 14"; group = name; sub("/.*", "/***", group) }
  # What a whole group lacks is said of the group: `ublk/***`.
  index($0, name) == 1 || index($0, group) == 1 {
    report()
    device = match($0, /=> [^ ]+/) ? substr($0, RSTART + 3, RLENGTH - 3) : ""
    # A test that runs with several settings: (tr=loop bd=file).
    variant = match($0, /\([a-z]+=[^)]*\)/) ? substr($0, RSTART + 1, RLENGTH - 2) : ""
    if (match($0, /\[(passed|failed|not run)\] *$/)) {
      status = substr($0, RSTART + 1)
      sub(/\] *$/, "", status)
    }
    next
  }
  first == "" { first = $0 }
  status != "" && /^    / && !/^    (runtime|[a-z_]+)  / {
    text = $0
    gsub(/^ +/, "", text)
    if (status == "failed") differs(text)
    else if (status == "not run" || reasons == "") reasons = reasons == "" ? text : reasons "; " text
  }
  END {
    report()
    if (count == 0) printf "1..0 # SKIP blktests printed no result: %s\n", first
    else printf "1..%d\n", count
  }
' <<<"$printed"
[[ $printed != *"[failed]"* ]]
