#!/bin/sh
# Identify of a namespace identifier beyond those of the controller (its field nn) fails with the status of the drive.
set -eu
nn=$(nvme id-ctrl /dev/nvme0 | sed -n 's/^nn[[:space:]]*: *//p')
if nvme id-ns /dev/nvme0 --namespace-id=$((nn + 1)) >printed 2>&1; then
  echo "the drive has $nn namespaces, and identifies another:"
  cat printed
  exit 1
fi
cat printed
grep -qi "invalid" printed
