#!/bin/sh
# Identify of a namespace that does not exist fails with the status of the drive.
set -eu
! nvme id-ns /dev/nvme0 --namespace-id=77 >printed 2>&1
cat printed
grep -qi "invalid" printed
