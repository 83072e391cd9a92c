#!/bin/sh
# The number of queues is a feature that can be read.
set -eu
nvme get-feature /dev/nvme0 -f 7
