import { oneLine } from '../views/printable.js';

const widestMember = 40;

/** The last key of an axis's path, where that is enough to tell it from the others. */
export function shortAxis(axis: string, axes: readonly string[]): string {
  const last = (path: string) => path.slice(path.lastIndexOf('.') + 1);
  const isEnough = axes.filter((other) => last(other) === last(axis)).length === 1 && !/["'\]]/.test(axis);
  return oneLine(isEnough ? last(axis) : axis, widestMember);
}

/** What the members are called in front of each line: `learning_rate=0.0001 seed=1`, or their values alone where that is too wide. */
export function shortMembers(members: readonly Readonly<Record<string, string>>[]): readonly string[] {
  const named = members.map((labels) => {
    const axes = Object.keys(labels);
    return axes.map((axis) => `${shortAxis(axis, axes)}=${labels[axis]}`).join(' ');
  });
  if (named.every((name) => name.length <= widestMember)) return named;
  return members.map((labels) => Object.values(labels).join(' '));
}
