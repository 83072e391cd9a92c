#!/bin/sh
# The error log can be read.
set -eu
nvme error-log /dev/nvme0 -e 4
