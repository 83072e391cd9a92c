#!/bin/sh
# nvme list names the drive
set -eu
nvme list -o json | tee /dev/stderr | grep -q /dev/nvme0n1
