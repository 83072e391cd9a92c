# SPDX-License-Identifier: GPL-2.0-only
# A small `make olddefconfig`: bool and tristate symbols with at most one `depends on SYMBOL`, in order of definition.
FNR == NR && $1 == "config" { name = $2; order[++count] = name; next }
FNR == NR && $1 == "depends" { needs[name] = $3; next }
FNR == NR { next }
/^CONFIG_/ { split($0, part, "="); value[substr(part[1], 8)] = part[2] }
/^# CONFIG_.* is not set$/ { value[substr($2, 8)] = "n" }
END {
	for (i = 1; i <= count; i++) {
		name = order[i]
		on = value[name] == "" ? "n" : value[name]
		if (needs[name] != "" && final[needs[name]] !~ /^[ym]$/) on = "n"
		final[name] = on
		print on == "n" ? "# CONFIG_" name " is not set" : "CONFIG_" name "=" on
	}
}
