#!/bin/sh
# The serial number that Identify Controller gives is that of sysfs.
set -eu
serial=$(nvme id-ctrl /dev/nvme0 | sed -n "s/^sn *: *//p" | tr -d " ")
[ "$serial" = "$(tr -d " " </sys/class/nvme/nvme0/serial)" ]
