import { rows } from './attack.ts';

/** Change what later builds are made from. */
export const poisons = rows('poison', [
  [
    'plants a configuration in the cache of the compiler',
    () =>
      'printf "prefix_command = $CCACHE_DIR/evil\\n" > "$CCACHE_DIR/ccache.conf"; printf "#!/bin/sh\\nexec \\"\\$@\\" -Da=poison\\n" > "$CCACHE_DIR/evil"; chmod +x "$CCACHE_DIR/evil"',
  ],
  [
    'plants a configuration beside the config path',
    () =>
      'printf "prefix_command = false\\n" > "$CCACHE_CONFIGPATH"; mkdir -p "$HOME/.config/ccache"; printf "prefix_command = false\\n" > "$HOME/.config/ccache/ccache.conf"',
  ],
  [
    'overwrites the results of the compiler’s cache',
    () => 'find "$CCACHE_DIR" -type f -exec sh -c \'echo poison > "$1"\' _ {} \\;',
  ],
  ['removes the compiler’s cache', () => 'rm -rf "$CCACHE_DIR"'],
  [
    'swaps an object and dates it into the future',
    () => 'echo "int a(void) { return 666; }" | gcc -x c -c -o src/a.o - && touch -d 2099-01-01 src/a.o',
  ],
  [
    'swaps every object of the base',
    () => 'for o in src/*.o; do echo "int evil_$$;" | gcc -x c -c -o "$o" -; touch -d 2099-01-01 "$o"; done',
  ],
  [
    'writes objects of the base through its path',
    ({ work }) => `for o in ${work}/obj*/src/a.o ../obj*/src/a.o; do echo poison > "$o"; done`,
  ],
  [
    'edits the shared configuration',
    ({ work }) =>
      `for c in ../config/.config ${work}/config/.config; do echo CONFIG_EVIL=y >> "$c"; done; echo CONFIG_EVIL=y >> .config`,
  ],
  [
    'edits stored configurations',
    ({ cache }) => `for c in ${cache}/configs/*; do echo CONFIG_EVIL=y >> "$c"; done`,
  ],
  ['edits stored kernels', ({ cache }) => `for k in ${cache}/kernels/*/vmlinux; do echo poison > "$k"; done`],
  [
    'edits stored headers',
    ({ cache }) =>
      `find ${cache}/headers -type f -exec sh -c 'echo "#define EVIL 1" >> "$1"' _ {} \\;; echo '#define EVIL 1' >> usr/include/linux/io_uring.h`,
  ],
  [
    'edits the source tree',
    ({ work }) => `for f in ../tree/src/a.c ${work}/tree/src/a.c; do echo 'int evil;' >> "$f"; done`,
  ],
  [
    'plants a hook in the repository',
    ({ work }) =>
      `mkdir -p ${work}/tree.git/hooks; printf '#!/bin/sh\\ntouch mark\\n' > ${work}/tree.git/hooks/post-checkout; chmod +x ${work}/tree.git/hooks/post-checkout`,
  ],
  [
    'edits the state of the work tree',
    ({ work }) =>
      `echo '{"commit":"0"}' > ${work}/tree.json; for s in ${work}/*.json ../*.json; do echo '{}' > "$s"; done`,
  ],
  [
    'replaces the symbol table and leaves its own make rules',
    () =>
      'mkdir -p scripts; echo "all:;touch mark" > GNUmakefile; cp GNUmakefile makefile; echo "evil" > scripts/conf',
  ],
  [
    'leaves a process that writes later',
    () => '(setsid sh -c "sleep 1; echo poison > src/a.o; echo poison > vmlinux" > /dev/null 2>&1 &)',
  ],
  [
    'leaves links for the next build to write through',
    ({ home }) =>
      `for f in src/b.o include/config/auto.conf build.log .config.new; do rm -f "$f"; ln -s ${home}/secret "$f"; done`,
  ],
  [
    'leaves a folder of modules that is a link',
    ({ home }) => `rm -rf ringlab-modules; ln -s ${home} ringlab-modules`,
  ],
]);
