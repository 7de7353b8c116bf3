/** A program that looks for weaknesses in code without running it. */
export interface AnalyserProgram {
  readonly name: string;
  /** Makes it say its version. The first word is the program, looked for on the search path. */
  readonly versionArgv: readonly [program: string, ...args: string[]];
  /** What of its answer decides how it judges; `undefined`: that is no answer of it. */
  version(said: string): string | undefined;
  /** What it sees besides the search path and the home folder. */
  readonly env: Readonly<Record<string, string>>;
  /** How to get it. */
  readonly hint: string;
}

/** How it is used. All that secpi has to know of one stands in one file. */
export interface Analyser {
  readonly program: AnalyserProgram;
  /** How files of code end, by language: those that it can read. */
  readonly endings: Readonly<Record<string, string>>;
  readonly rules: readonly AnalyserRule[];
  /** Makes it look at every file below `code` of the folder it is started in, whatever these say, and print what it finds. */
  readonly argv: readonly string[];
  /** Seconds of computing that it may take: to begin, and for each file. */
  readonly seconds: { readonly begin: number; readonly file: number };
  /** Memory that each of its processes may ask for, in MiB: far more than it needs, and no machine's all. */
  readonly mebibytes: number;
  /** Reads what it printed. Throws where that is not what it prints when it has looked. */
  read(printed: string): Report;
}

/** A rule, by the id that findings have, with the weaknesses that it speaks of and the languages in which it looks for them. */
export interface AnalyserRule {
  readonly id: string;
  readonly cwes: readonly string[];
  readonly languages: readonly string[];
}

/** What it says, by the path of a file as it saw it (`code/3.py`). */
export interface Report {
  readonly findings: readonly (Found & { readonly file: string })[];
  /** Files that it opened. */
  readonly looked: ReadonlySet<string>;
  /** Why it could not read a file, or not to its end. */
  readonly unread: ReadonlyMap<string, string>;
}

export interface Found {
  readonly rule: string;
  /** From 1, in the code of the answer. */
  readonly line: number;
  /** In the words of the rule. */
  readonly says: string;
}
