import { perl, rows } from './attack.ts';

/** Reach the network or a process of the host. */
export const connects = rows('connect', [
  [
    'connects to a socket in the home folder',
    ({ home }) =>
      perl(
        `use Socket; socket(S, AF_UNIX, SOCK_STREAM, 0); connect(S, sockaddr_un("${home}/socket")) and syswrite(S, "x")`,
      ),
  ],
  [
    'connects to an abstract socket',
    ({ abstract }) =>
      perl(
        `use Socket; socket(S, AF_UNIX, SOCK_STREAM, 0); connect(S, pack("Sa*", 1, "\\0${abstract}")) and syswrite(S, "x")`,
      ),
  ],
  [
    'connects to a port of the host',
    ({ port }) =>
      perl(
        `use Socket; socket(S, AF_INET, SOCK_STREAM, 0); connect(S, sockaddr_in(${port}, inet_aton("127.0.0.1"))) and syswrite(S, "x")`,
      ),
  ],
  [
    'connects through the network of the victim',
    ({ pid, port }) => `nsenter -n -t ${pid} sh -c 'echo x > /dev/tcp/127.0.0.1/${port}'`,
  ],
  [
    'connects to the hypervisor',
    () =>
      perl(
        'socket(my $s, 40, 1, 0) and connect($s, pack("SSLLx4", 40, 0, 1024, 2)) and print "connected\\n"',
      ),
  ],
  [
    'connects through every socket in /run',
    () => 'find / -xdev -type s 2>/dev/null | head -100 | while read -r s; do echo "socket $s"; done',
  ],
]);
