import { it } from 'vitest';
import { refuseEverywhere } from './refused.js';

it('a disk that is full from any point on is told truthfully, and once there is room the next run ends the same', () =>
  refuseEverywhere({ code: 'ENOSPC', lasts: true, toldAs: 'files/no-space', words: /there is no room left/ }));
