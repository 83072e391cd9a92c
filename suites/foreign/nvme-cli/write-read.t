#!/bin/sh
# What nvme write writes, nvme read and the block device return.
set -eu
block=$(cat /sys/block/nvme0n1/queue/logical_block_size)
head -c "$((8 * block))" /dev/urandom >written
nvme write /dev/nvme0n1 --start-block=64 --block-count=7 --data-size="$((8 * block))" --data=written
nvme read /dev/nvme0n1 --start-block=64 --block-count=7 --data-size="$((8 * block))" --data=read
cmp written read
dd if=/dev/nvme0n1 bs="$block" skip=64 count=8 iflag=direct 2>/dev/null | cmp - written
