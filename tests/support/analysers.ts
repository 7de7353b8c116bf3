import { cacheDirectory } from '../../src/setup/cache-directory.js';
import { findTestAnalysers } from '../../src/setup/test-analysers.js';
import { hasMeans } from './means.js';

const folder = await findTestAnalysers(cacheDirectory(process.env));

/** What programs are started with where there is Bandit. Where it is not set up, tests that need it are skipped, and this says so. */
export const withBandit = hasMeans(folder !== undefined, 'Bandit is not set up (`npm run setup -- --development`)')
  ? { PATH: `${folder}:/usr/bin:/bin`, HOME: process.env.HOME ?? '/' }
  : undefined;
