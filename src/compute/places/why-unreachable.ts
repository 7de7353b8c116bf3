/** What is in the way of an ssh connection, and what to do about it. */
export interface Obstacle {
  /** Completes "NAME cannot be reached: …". */
  readonly why: string;
  readonly advice: string;
}

const config = 'in your ~/.ssh/config (or the file that SECPI_SSH_CONFIG names)';

/** What OpenSSH prints, and what it means; the first that fits counts. */
const meanings: readonly (readonly [RegExp, Obstacle])[] = [
  [
    /identification has changed/i,
    {
      why: 'it shows another host key than before, so it may be another machine',
      advice: 'Ask whoever runs it whether its key was changed. If so: `ssh-keygen -R HOST`, then log in once by hand.',
    },
  ],
  [
    /host key verification failed|no .* host key is known/i,
    {
      why: 'its host key is not known here',
      advice: 'Log in once by hand with `ssh HOST`, and compare the fingerprint that it shows before you say yes.',
    },
  ],
  [
    /could not resolve|name or service not known|nodename nor servname/i,
    {
      why: 'nobody knows a host of that name',
      advice: `Correct \`ssh.host\` of the target, or give that name a HostName ${config}.`,
    },
  ],
  [
    /connection refused/i,
    {
      why: 'the machine is there, but no ssh server listens on that port',
      advice: `Start the ssh server there, or set the right Port ${config}.`,
    },
  ],
  [
    /timed out|no route to host|network is unreachable|host is down/i,
    {
      why: 'it does not answer',
      advice: 'Check that it is switched on, and that the network (a VPN, a jump host, a firewall) lets you through.',
    },
  ],
  [
    /permission denied|too many authentication failures|no more authentication methods/i,
    {
      why: 'it does not let you in without a question',
      advice: `Log in by key: load it into your agent (\`ssh-add\`), or name it as IdentityFile ${config}; also check User.`,
    },
  ],
  [
    /connection (?:closed|reset)|kex_exchange_identification/i,
    {
      why: 'it closed the connection before anybody was logged in',
      advice: 'It may take no more logins at the moment, or not from here; its own log says why.',
    },
  ],
];

/** What ssh's words mean, for a person; undefined for words that are not known. */
export function whyUnreachable(said: string): Obstacle | undefined {
  return meanings.find(([pattern]) => pattern.test(said))?.[1];
}
