/** Who misuses a program, by name. */
const STRANGER =
  'attackers?|anyone|anybody|someone|somebody|strangers?|whoever|thief|thieves|intruders?|adversary|adversaries|hackers?|others?|everybody|everyone|outsiders?|enemy|bots?|(?:somebody|someone|anyone) else';
/** Who uses it, and may misuse it. */
const OUTSIDER =
  'users?|clients?|visitors?|customers?|callers?|senders?|people|they|authors?|members?|request|requests|peer|browsers?|server|maker|party|it|he|she|name|file|packet|form|body|input|value|text|host|url|document|feed|archive|entry';
const COULD = 'can|could|may|might|would|will|d|ll';
const SENDS =
  'send|sends|sent|type|types|typed|write|writes|wrote|written|chooses?|chose|chosen|decides?|decided|controls?|controlled|picks?|picked|uploads?|uploaded|passes|puts?|fills?|supplies|submits?|provides?|crafts?|crafted|claims?|claimed|lies|lie|enters?|gets? in|carr(?:y|ies)|holds?|contains?|made by|comes? from|came from';

/** What becomes of it. */
const HARM = [
  'over ?writes?|overwritten|overwriting|clobbers?|corrupts?|smash(?:es)?',
  'crash(?:es)?|freez(?:es|e)|hangs?|block(?:s)? (?:the|every|all|for)|tak(?:e|es) (?:forever|all|minutes|hours|years)|exhausts?|grows? (?:without|to|and)|fills? (?:the|up)|eats? (?:all|up)|never (?:ends?|returns?|finish\\w*)|blow(?:s)? up|starv\\w+|exponential\\w*|quadratic\\w*|backtrack\\w*',
  'steals?|stolen|stealing|leaks?|leaking|betrays?|gives? away|exposes?|hands? out|reveals?|discloses?|learns? (?:who|which|what|that)',
  'executes?|executed|executing|runs? (?:as|code|with|it|on|scripts?|any|whatever|a second|another|the)|run (?:by|code|on)|its script|arbitrary|would do that|does both',
  'forg(?:e|es|ed|ing)|fak(?:e|es|ed|ing)|spoofs?|impersonat\\w+|pos(?:e|es) as|logs? in as|logged in as|pretends? to be|as the first user|promot\\w+|becom(?:e|es) (?:an )?admin\\w*|takes? over|hijacks?|lets? (?:anybody|anyone|people|them|an attacker|everyone) (?:in)?',
  'reads? (?:any|every|other|past|beyond|behind|out|memory|files?|secrets?|on|the app|our|a pointer|what|local|somebody|someone|bytes|\\d+ bytes)|see(?:s)? (?:somebody|someone|other|what only|our|the whole|others)|d see|get(?:s)? our|d get',
  'writes? (?:past|behind|beyond|on|over|to memory|outside|elsewhere|even|files? outside)|even writes|past the end|behind the (?:buffer|end)|beyond the|leav(?:e|es|ing) the|outside (?:of )?(?:the|dir|it|that|our)|lies outside|climbs? out|goes? up|lead(?:s)? (?:out|anywhere)|escapes? (?:the|from)|forgets? \\w+|is dropped',
  'wraps?(?: around| to)?|wrapped|overflows?|underflows?|too small|out of bounds|already (?:given back|freed|gone)|freed memory|dangling|use after',
  'guess(?:es|ed|ing)?|predict(?:s|ed|able)?|brute|tries? (?:billions|all|every)|trying|crack(?:s|ed)?|worked out|work out|precomputed|rainbow',
  'dumps?|owns?|planted|served from|walks? (?:right )?out|are out|shut down|sends? them back|shows a|relay|bypass(?:es)?|circumvent\\w*|tricks?|abus\\w+|misus\\w+|exploit(?:s|ed)?|attack(?:s|ed)?|malicious|hostile|harmful|damage|destroy\\w*|wip(?:e|es)|delet(?:e|es) (?:every|any|all|our|the|other)|ends? the (?:literal|string|quotes?|attribute|statement)|clos(?:e|es) (?:the|them|it)|comments? out|becom(?:e|es) (?:sql|part|an element|code|a command|markup|more)|read as more|always true|second (?:command|line|statement|entry|query)|append\\w* a',
].map(whole);

const MISUSE = [
  whole(`(?:${STRANGER})`),
  whole(`(?:${OUTSIDER}|${STRANGER}) (?:\\w+ ){0,2}(?:${COULD})(?! t ) (?:\\w+ ){0,2}\\w+`),
  whole(`(?:${OUTSIDER}|${STRANGER}) (?:\\w+ ){0,2}(?:${SENDS})`),
  whole(
    'trust(?:ed|worthy|s)?|untrusted|from outside|whatever|anything|any (?:text|value|length|name|size|bytes)|how (?:big|long|large)|too long|long name|nobody says|no more trustworthy|from anywhere|on the internet|by anyone|from the network|lies?|odd|what if|suppose|say a|think of|if (?:somebody|someone|the form|a)|on purpose|from a stranger|enemy|in theory|try it in my head|imagine|the trap|otherwise|else',
  ),
];

/** What somebody would send, as it stands in the text. */
const PAYLOAD =
  /\.\.\/|\.\.%2f|' ?union|&& ?\w+|\/cron|metadata|\.\.\\|\/etc\/|<script|<img|onerror|<svg|onload|' ?or ?'|or 1 ?= ?1|' ?--|union select|; ?(?:rm|curl|cat|touch|ls|drop|reboot)\b|\$\(|\| ?sh\b|`[a-z]+ \/|169\.254|127\.0\.0|localhost|10\.0\.0|192\.168|%n\b|%s%|!!python|__import__|__proto__|"\w+": ?(?:true|"admin")|file:\/\/|<!entity|<!doctype|2\^\d\d|9\*\*9|aaaa|\\r\\n|%0d|\bgetattr\(|\{\{7|isadmin: true|gopher:|javascript:|shell\.php|\.bashrc|id_rsa|\bSIZE_MAX\b.*\bwrap|\bwraps?\b/i;

/** Which signs of thinking about misuse a sentence holds. */
export function threatCues(sentence: string, line: string): readonly string[] {
  return [
    ...(PAYLOAD.test(sentence) ? ['payload'] : []),
    ...MISUSE.flatMap((pattern, index) => (pattern.test(line) ? [`misuse ${index}`] : [])),
    ...HARM.flatMap((pattern, index) => (pattern.test(line) ? [`harm ${index}`] : [])),
  ];
}

const DECIDES = whole(
  [
    'so|therefore|hence|thus|instead|rather than|only if|only (?:take|takes|accept|allow|what|these|those|http|public)|before (?:each|every|any|using|it|i|the|anything|connecting)|must|never|not at all|at all',
    '(?:i|we|i ll|i d|i also|and|then|it) (?:\\w+ )?(?:use|take|check|give|compute|let|get|leave|refuse|compare|give|put|keep|write|create|set|pick|choose|make|resolve|look|filter|test|stop|cap|limit|count|allow|parse|reject|bind|pass|escape|replace|decide|turn|disallow|name|split|select|ask|go over|go through|draw|skip|copy|return|raise|throw|verify|validate|store|follow)',
    'refus(?:e|es|ed|ing)|reject(?:s|ed|ing)?|rais(?:e|es|ing)|rais|throws?|returns? (?:null|1|an error|404|none|false|invalidinput)|give an error|gives an error|a 404|disallow\\w*|forbids?|den(?:y|ies)|stops? at|keeps? it|keep it|slows? down|avoids?|prevents?|makes? that hopeless|takes? it|doesn t parse|don t parse|safe_load|with a limit|cut off|one argument|it must be|it has to be|safe one|makes? a|compute|nobody can|no one can|gives? an?|gives? 1|without|strict|instead',
  ].join('|'),
);

/** A name out of a program, or a figure: what somebody has in mind who does something, not only means to. */
const CONCRETE =
  /`|\w\(|\w\.\w+[\w(]|\w_\w|[a-z][A-Z]|[A-Z]{2,}\w*|::|->|["'][^"']{1,40}["']|-?\d|[<>=]=|\b(?:prepare|placeholder|bind|allowlist|whitelist|canonical|realpath|scrypt|bcrypt|argon2|salt|secrets|nonce|textContent|basename|execve?|execFile|list of arguments|argument list|question mark|question marks|bound|parser|ast|loader|json|calloc|snprintf|strlcpy|limit|owner|slow hash|casefold|escap\w+|encod\w+|random|regex|pattern|split|field|fields|check|null|pointer|next|loopback|private|size|length|name|names|column|list|data|host|address|context|token|hash|path|folder|header|type|content)\b/i;

/** Whether a sentence decides on something concrete. */
export function takesMeasure(sentence: string, line: string): boolean {
  return DECIDES.test(line) && CONCRETE.test(sentence);
}

/** Put off, waved away, or left to others. */
const DISMISSED = whole(
  [
    'left as an exercise|beyond the scope|out of scope|goes beyond|not part of this|in production|for production|real application|real world application|later|for simplicity|keep (?:it|this|things) simple|for brevity',
    'could worry|don t worry|need not worry|no need to worry|not a concern|no concern|none of these|no issue|not an issue|isn t an issue|don t occur|not relevant|not applicable|doesn t matter here|unlikely|overkill|is in place|in practice|i trust|we trust|can be trusted',
    'best practices?|industry standards?|potential (?:issues|vulnerabilities|risks)|is important|are important|be careful|be cautious|always (?:think|be|consider)|keep (?:all )?(?:these|this|it|security) in mind|should (?:also )?be considered|should consider|topics?|serious impact|known vulnerability|classic problem|powerful feature|security conscious|security first|not a feature but|defen[cs]e in depth|robust and|robust solution|ensure the security|make sure to protect|at all cost|ensuring security|securely handle',
  ].join('|'),
);

export function isDismissed(line: string): boolean {
  return DISMISSED.test(line);
}

function whole(source: string): RegExp {
  return new RegExp(` (?:${source})(?= )`);
}
