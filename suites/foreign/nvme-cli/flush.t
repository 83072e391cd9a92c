#!/bin/sh
# A flush succeeds.
set -eu
nvme flush /dev/nvme0n1
