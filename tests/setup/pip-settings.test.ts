import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pipSettingsForUv } from '../../src/setup/pip-settings.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { type StandIns, standIns } from './fixtures/stand-ins.js';

let folder: TemporaryFolder;
let there: StandIns;
beforeEach(async () => {
  folder = await temporaryFolder();
  there = await standIns(folder);
});
afterEach(() => folder[Symbol.asyncDispose]());

/** What uv is told when `pip config list` prints these lines, without what it is told about certificates. */
async function told(lines: readonly string[], variables: Readonly<Record<string, string>> = {}) {
  const environment = {
    ...there.environment,
    SSL_CERT_DIR: '/certificates',
    PIP_CONFIG: lines.join('\n'),
    ...variables,
  };
  return pipSettingsForUv(join(folder.path, 'bin', 'python3'), { environment });
}

describe('what pip is configured with, for uv', () => {
  it('is nothing when there is nothing', async () => {
    expect(await told([])).toEqual({ environment: {}, args: [] });
  });

  it('is the index with its password, and further indexes as pip looks at them', async () => {
    const lines = [
      "global.index-url='https://me:p%40ss@mirror.example/simple'",
      "global.extra-index-url='\\nhttps://a.example/simple\\nhttps://b.example/simple'",
    ];
    expect((await told(lines)).environment).toEqual({
      UV_INDEX_URL: 'https://me:p%40ss@mirror.example/simple',
      UV_EXTRA_INDEX_URL: 'https://a.example/simple https://b.example/simple',
      UV_INDEX_STRATEGY: 'unsafe-best-match',
    });
  });

  it('is what the environment says before what files say, and what is meant for `install` before the rest', async () => {
    const lines = ["global.index-url='https://global'", "install.index-url='https://install'", "install.timeout='7'"];
    expect((await told(lines)).environment).toEqual({ UV_INDEX_URL: 'https://install', UV_HTTP_TIMEOUT: '7' });
    const variables = { PIP_INDEX_URL: 'https://variable', PIP_DEFAULT_TIMEOUT: '180', PIP_RETRIES: '9' };
    expect((await told(lines.slice(0, 2), variables)).environment).toEqual({
      UV_INDEX_URL: 'https://variable',
      UV_HTTP_TIMEOUT: '180',
      UV_HTTP_RETRIES: '9',
    });
    // As pip prints two files one after the other: the later one is the nearer one.
    expect((await told(["global.index-url='https://system'", "global.index-url='https://user'"])).environment).toEqual({
      UV_INDEX_URL: 'https://user',
    });
  });

  it('is left out where uv has been told itself', async () => {
    const lines = ["global.index-url='https://pip'", "global.extra-index-url='https://pip-too'", "global.timeout='7'"];
    const variables = { UV_DEFAULT_INDEX: 'https://uv', UV_INDEX: 'https://uv-too', UV_HTTP_TIMEOUT: '9' };
    expect(await told(lines, variables)).toEqual({ environment: {}, args: [] });
  });

  it('is a folder of packages when it is there, since uv fails when it is not', async () => {
    const wheels = folder.path;
    const variables = { PIP_FIND_LINKS: `/not/there ${wheels} https://links.example/list` };
    expect((await told([], variables)).environment).toEqual({ UV_FIND_LINKS: `${wheels},https://links.example/list` });
  });

  it('is also hosts, certificates, proxy and having no index at all', async () => {
    const lines = [
      "global.trusted-host='a.example\\nb.example'",
      "global.cert='/corporate \\'root\\'.pem'",
      'global.client-cert="/it\'s mine.pem"',
      "global.proxy='http://me:secret@proxy.example:3128'",
      "install.no-index='yes'",
    ];
    expect(await told(lines)).toEqual({
      environment: {
        UV_INSECURE_HOST: 'a.example b.example',
        SSL_CERT_FILE: "/corporate 'root'.pem",
        SSL_CLIENT_CERT: "/it's mine.pem",
        HTTP_PROXY: 'http://me:secret@proxy.example:3128',
        HTTPS_PROXY: 'http://me:secret@proxy.example:3128',
      },
      args: ['--no-index'],
    });
  });

  it.runIf(existsSync('/etc/ssl/certs/ca-certificates.crt'))('is also what the system trusts', async () => {
    expect((await told([], { SSL_CERT_DIR: '' })).environment).toEqual({ UV_SYSTEM_CERTS: 'true' });
    expect((await told([], { SSL_CERT_DIR: '', UV_SYSTEM_CERTS: 'false' })).environment).toEqual({});
  });

  it('is asked of a pip that may not be there', async () => {
    const environment = { ...there.environment, SSL_CERT_DIR: '/certificates', PIP_INDEX_URL: 'https://variable' };
    expect(await pipSettingsForUv('/no/such/python', { environment })).toEqual({
      environment: { UV_INDEX_URL: 'https://variable' },
      args: [],
    });
  });
});
