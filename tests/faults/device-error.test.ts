import { it } from 'vitest';
import { refuseEverywhere } from './refused.js';

it('a disk that fails at any one point is told truthfully, and the next run ends the same', () =>
  refuseEverywhere({ code: 'EIO', lasts: false, toldAs: 'files/device-error', words: /reports an error/ }));
