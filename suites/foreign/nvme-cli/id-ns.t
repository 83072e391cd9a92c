#!/bin/sh
# The size that Identify Namespace gives is that of the block device.
set -eu
blocks=$(nvme id-ns /dev/nvme0n1 | sed -n "s/^nsze *: *//p")
bytes=$(($(cat /sys/block/nvme0n1/size) * 512))
block=$(cat /sys/block/nvme0n1/queue/logical_block_size)
[ "$((blocks * block))" -eq "$bytes" ]
