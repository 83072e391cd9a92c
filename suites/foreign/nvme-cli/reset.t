#!/bin/sh
# After a reset the controller is live and the drive can be read.
set -eu
nvme reset /dev/nvme0
i=0
until [ "$(cat /sys/class/nvme/nvme0/state)" = live ]; do
  i=$((i + 1))
  [ "$i" -lt 200 ]
  usleep 50000 2>/dev/null || sleep 1
done
dd if=/dev/nvme0n1 of=/dev/null bs=4k count=1 iflag=direct
