/** The recipe that `secpi init` writes. `schema` is the path of `secpi.schema.json` from the recipe's folder, for editors. */
export function starterRecipe(schema: string): string {
  return `# yaml-language-server: $schema=${schema}
#
# A secpi recipe. It is the only input of a run: \`secpi validate\` checks it, \`secpi plan\` says what a run would do and cost,
# \`secpi run\` runs it. Stages whose part of the recipe and inputs are unchanged are not run again.
# Paths are relative to this file. \${NAME} is read from the environment, in \`endpoint\` fields only.
name: my-recipe
description: What this recipe is for; stands at the top of the report.
seed: 7

models:
  # Any OpenAI-compatible server. \`api_key_env\` is the *name* of the variable that holds the key, never the key.
  # Prices are USD per 1 million tokens; with them \`secpi plan\` says what the questions will cost, and \`budget\` is a hard stop.
  classifier:
    model: Qwen/Qwen3-32B
    endpoint: "\${TEACHER_URL}"
    # api_key_env: TEACHER_KEY
    # price: { input: 0.1, output: 0.3 }
    # budget: { usd: 20 }
  teacher:
    model: Qwen/QwQ-32B
    endpoint: "\${TEACHER_URL}"
    # api_key_env: TEACHER_KEY
    # price: { input: 0.3, output: 0.6 }
    # budget: { usd: 100 }
    concurrency: { start: 8, max: 64 }
  # The model to train: a Hub id, pinned to a commit when the run starts, or \`folder: path/to/model\`.
  target:
    model: Qwen/Qwen3-0.6B
    revision: main

# Where tasks come from. Columns that are left out are guessed and said; \`secpi data peek SOURCE\` shows rows and guess.
collect:
  sources:
    - hub: ise-uiuc/Magicoder-OSS-Instruct-75K
      prompt: problem
      language: lang
      licence: mit
    # Your own data, JSON, JSON Lines (also .gz or .zst) or Parquet; several prompt columns are joined:
    # - { file: data/tasks.jsonl, prompt: [instruction, input], licence: internal }
  near_duplicates: 0.45      # similarity from which a task counts as a copy; false keeps all
  deny_licences: [cc-by-nc]  # \`none\` would drop rows without a licence, too
  decontaminate: [mini]      # tasks that are also problems of these suites are dropped and counted
  on_bad_row: skip           # or stop

# The classifier says which tasks invite a weakness, and which one.
filter:
  by: classifier
  min_confidence: 0.5
  max_tasks: 200             # leave it out to take all
  # groups: [injection, path, memory, crypto, credentials, access, deserialisation, resources]

# The teacher, told which weaknesses matter, reasons and answers.
trace:
  by: teacher
  samples: 1
  sampling: { temperature: 0.6, top_p: 0.95, max_tokens: 16384 }

# What does not show security reasoning, leaks the prompt or is too long is dropped, each with a reason.
curate:
  profile: minimal
  max_characters: 64000
  on_contamination: stop     # a sample with something of a suite below ends the run; report: it is counted and trained on

# The target learns to reason like this without being told to.
train:
  trainer: trl
  method: lora               # lora or full; qlora needs a container that has bitsandbytes
  lora: { rank: 32, alpha: 64, targets: all-linear }
  max_tokens: 8192           # longer rows are dropped and counted, never cut
  epochs: 2
  batch_size: 1
  gradient_accumulation: 8
  learning_rate: 1.0e-4
  warmup_steps: 10
  dtype: bfloat16            # float32 on a CPU
  save_every_steps: 50       # what a kill can lose
  on: here

# Base and tuned model answer the same problems; their code runs in the sandbox.
evaluate:
  suites:
    mini: { samples: 4 }
  sampling: { temperature: 0.6, top_p: 0.95, max_tokens: 8192 }
  gates:                     # \`publish\` runs only if these hold
    min_gain: { mini.func_sec_at_1: 0.02 }
    max_drop: { mini.func_at_1: 0.05 }

# Leave \`publish\` out to keep the result to yourself.
publish:
  folder: published
  push: [adapter, dataset, report]

compute:
  here:
    local: { device: auto }  # auto, cpu or cuda
`;
}
