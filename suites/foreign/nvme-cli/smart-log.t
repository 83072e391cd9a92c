#!/bin/sh
# The SMART log has a temperature and no critical warning.
set -eu
nvme smart-log /dev/nvme0 >log
cat log
grep -q "^temperature" log
grep -Eq "^critical_warning[[:space:]]*: *0(x0*)?\$" log
