import { existsSync } from 'node:fs';
import { answerOf, type SetUpContext } from './set-up-step.js';

type Variables = SetUpContext['environment'];

/** How uv has to be started to take packages from where pip would. */
export interface UvSettings {
  /** Here and nowhere else, because an index may have a password in its address. */
  readonly environment: Readonly<Record<string, string>>;
  readonly args: readonly string[];
}

/** Where systems keep the certificates they trust; uv brings its own list, pip looks here as well. */
const systemCertificates = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/cert.pem',
];

/**
 * uv reads neither `pip.conf` nor `PIP_…`: what they say about where packages come from, in uv's words. What uv has been told
 * itself (`UV_…`) stays as it is.
 */
export async function pipSettingsForUv(
  python: string,
  { environment }: Pick<SetUpContext, 'environment'>,
): Promise<UvSettings> {
  const files = parseConfig((await answerOf([python, '-m', 'pip', 'config', 'list'], { environment })) ?? '');
  const setting = (name: string): string | undefined =>
    environment[`PIP_${name.toUpperCase().replaceAll('-', '_')}`] ||
    files.get(`install.${name}`) ||
    files.get(`global.${name}`);
  return { environment: inWordsOfUv(setting, environment), args: isOn(setting('no-index')) ? ['--no-index'] : [] };
}

function inWordsOfUv(setting: (name: string) => string | undefined, given: Variables): Record<string, string> {
  const translated: Record<string, string> = {};
  /** The first name gets the value, unless the user has set one that means the same. */
  const put = ([name, ...same]: readonly [string, ...string[]], value: string | undefined): void => {
    if (value && [name, ...same].every((each) => !given[each])) translated[name] = value;
  };
  const list = (name: string): readonly string[] => (setting(name) ?? '').split(/\s+/).filter((item) => item !== '');

  put(['UV_INDEX_URL', 'UV_DEFAULT_INDEX'], setting('index-url'));
  put(['UV_EXTRA_INDEX_URL', 'UV_INDEX'], list('extra-index-url').join(' '));
  // pip takes the best version of all indexes, uv by itself only looks at the first one that has the package.
  if (translated.UV_EXTRA_INDEX_URL !== undefined) put(['UV_INDEX_STRATEGY'], 'unsafe-best-match');
  // A folder that is not there is an error for uv and none for pip.
  put(
    ['UV_FIND_LINKS'],
    list('find-links')
      .filter((place) => place.includes('://') || existsSync(place))
      .join(','),
  );
  put(['UV_INSECURE_HOST'], list('trusted-host').join(' '));
  put(['UV_HTTP_TIMEOUT', 'UV_REQUEST_TIMEOUT', 'HTTP_TIMEOUT'], setting('timeout') ?? setting('default-timeout'));
  put(['UV_HTTP_RETRIES'], setting('retries'));

  const certificates = setting('cert');
  if (certificates !== undefined) translated.SSL_CERT_FILE = certificates;
  else if (!given.SSL_CERT_FILE && !given.SSL_CERT_DIR && systemCertificates.some((path) => existsSync(path)))
    put(['UV_SYSTEM_CERTS', 'UV_NATIVE_TLS'], 'true');
  const ownCertificate = setting('client-cert');
  if (ownCertificate !== undefined) translated.SSL_CLIENT_CERT = ownCertificate;
  const proxy = setting('proxy');
  if (proxy !== undefined) translated.HTTPS_PROXY = translated.HTTP_PROXY = proxy;
  return translated;
}

/** The lines of `pip config list`: `name='value'`, as Python writes texts. A later file overrides an earlier one. */
function parseConfig(text: string): ReadonlyMap<string, string> {
  const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };
  const lines = text.matchAll(/^([\w.-]+)=(['"])(.*)\2$/gm);
  return new Map(
    Array.from(lines, ([, name = '', , value = '']) => [
      name,
      value.replace(/\\(.)/g, (_, letter: string) => escapes[letter] ?? letter),
    ]),
  );
}

function isOn(value: string | undefined): boolean {
  return /^(?:1|y|yes|t|true|on)$/i.test(value ?? '');
}
