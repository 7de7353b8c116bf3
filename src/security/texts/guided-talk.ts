import { inOneSpelling, wordLine } from './words.js';

/** Things that a teacher is given and that neither a task nor a program has. */
const HANDED = '(?:guidance|briefing|guidelines|hints|mitigations|weaknesses|cwes|cwe entries)';
/** Things that a user's message or a program may have as well, which tell nothing by themselves. */
const ORDINARY =
  '(?:hint|guideline|notes|memo|checklist|advice|warnings|preamble|list|lists|instructions?|requirements|context|prompt|message|background|concerns?)';
const ANY = `(?:${HANDED}|${ORDINARY})`;
const SAYS =
  '(?:say|says|said|list|lists|listed|mention|mentions|mentioned|name|names|state|states|tell|tells|told|ask|asks|asked|suggest|suggests|recommend|recommends|want|wants|require|requires|point|points|warn|warns|flag|flags|demand|demands|remind|reminds|expect|expects|speak|speaks|single|singles|bring|brings|advise|advises|hint|hints|describe|describes|cover|covers|specify|specifies|emphasise|emphasises|highlight|highlights)';
const WAS = '(?:was|were|am|m|have been|ve been|had been|d been|got)';
/** What one of the weaknesses may be called when it was handed over. */
const ONE = '(?:weakness|mitigation|hint|concern|vulnerability|cwe|threat)';
/** A piece of a text that one was given. */
const PIECE = '(?:item|bullet|hint|note|briefing|section|guidance|paragraph)';
/** What weaknesses are called in words: nothing else has them beside a `PIECE`. */
const KIND =
  '(?:injection|traversal|overflow|xss|ssrf|xxe|idor|redos|sqli|csrf|forgery|deserialization|hashing|mass assignment|format string|exhaustion|rebinding|cwe \\d+)';
const PASSED = '(?:given|handed|shown|supplied|provided|briefed|sent|passed|fed|provided with|reminded of)';
/** Not to speak of something, up to what is not spoken of. */
const UNSAID =
  '(?:without|not|never|no|don t|shouldn t|mustn t|can t|cannot|avoid|nor|n t) (?:to |be |any )*(?:mention|mentions|mentioning|quote|quoting|cite|citing|refer|referring|reference|reveal|revealing|admit|admitting|say|disclose|disclosing|hint|point|pointing|acknowledge|acknowledging|name|naming|copy|copying|repeat|repeating) (?:at |to |from |that |of )*(?:any |the |these |those |this |their |where |it came |idea |source |existence |of )*';
const UNSEEN =
  '(?:user|reader|they|anyone|anybody|nobody) (?:\\w+ )?(?:hasn t|has not|have not|haven t|cannot|can t|does not|doesn t|didn t|did not|shouldn t|should not|must not|mustn t|won t|never) (?:be able to )?(?:see|seen|saw|know|realise|notice|guess|learn|find out|suspect) (?:that |of |about |the |this |these |those |any )*';
/** What the hints are about. Needed where the other words could speak of the task or of the program. */
const SECURITY =
  '(?:security|secure|insecure|cwe|cwes|weakness|weaknesses|vulnerability|vulnerabilities|vulnerable|injection|traversal|overflow|overflows|xss|ssrf|xxe|idor|redos|sqli|csrf|attack|attacks|attacker|exploit|mitigation|mitigations|hardening|deserialization|authorization|untrusted|threat|threats|forgery|rebinding|bombs?|prevent|prevents|protection|protections|protect|unsafe|malicious|hashing|sanitize|escaping)';
const MINE =
  '(?:idea|ideas|observation|observations|thought|thoughts|concern|finding|findings|habit|own|insight|reasoning|discovery)';

/** Somebody else's advice, of which anybody may speak. */
const ELSEWHERE =
  / (?:owasp|nist|mitre|mdn|cert|rfc|docs?|documentation|manual|man page|readme|book|blog|article|wiki|release notes|stack overflow|style guide|linter|compiler|mypy|type hints?|type annotations?|colleagues?|reviews|usual|common|general|standard library|framework s|vendor) /;

/** Whose instructions and lists are the user's, and no secret. */
const OF_THE_TASK = / (?:the user|user s|users|the task|task s|the issue|ticket|customer|the caller) /;

/** Each says by itself that somebody else pointed the way. Matched on words, see `wordLine`. */
const GIVEN_AWAY = anyOf([
  `the guidance`,
  `the (?:prevention|mitigation) (?:text|notes?|section|part|advice|table|stuff|description|directions?|list)|the (?:hidden|secret) (?:notes|advice|directions|stuff|guidelines)`,
  `(?:weakness|mitigation|cwe|vulnerability) (?:that |which )?i (?:got|received|m supposed|am supposed)`,
  `(?:weakness|weaknesses|cwe) (?:stuff|list|briefing|notes)`,
  `(?:instructions?|notes|material|prompt) (?:that |which )?(?:i (?:have|got|received|had|was given)|(?:was |were )?given to me)`,
  `(?:above|besides) the (?:question|user s)|(?:above|before|ahead of|outside) the user s (?:message|prompt|request|question|text|task)`,
  `listed (?:things|concerns)`,
  `they (?:d |would |have |ve )?(?:flag|flagged|single out|singled out) (?:\\w+ )?${KIND}`,
  `(?:mention|trace|sign|hint) of (?:the |any |that |this )?(?:cwes?|weakness list|list of weaknesses)`,
  `pointed out (?:at|on) the top`,
  // What I was given, and what was given to me.
  `${HANDED} (?:that |which )?(?:i|we) (?:${WAS} ${PASSED}|got|received|${WAS} (?:told|asked|instructed)|have to (?:work|go) through)`,
  `i (?:${WAS} )?(?:warned|briefed|tipped off|nudged)`,
  `i ${WAS} (?:given|handed|shown|supplied with|provided with) (?:\\w+ ){0,3}${HANDED}`,
  `(?:prompt|instructions?|${HANDED}) (?:told|tell|tells|instructed|instructs|instruct|reminds?|remind|urged?|urges) me`,
  `i ${WAS} (?:told|instructed|asked) (?:not )?to (?:reason|act|pretend|notice|behave|appear|sound|make it)`,
  `(?:the|these|those|this|my) (?:\\w+ )?${HANDED} (?:above |below |here )?(?:\\w+ ){0,2}${SAYS}`,
  `(?:gave|given|got|received|had|have|take|took) (?:\\w+ ){0,3}as (?:a |the )?(?:hints?|pointers?|tips?|clues?)`,
  `(?:know|knew|learnt|learned|have it|gather) from (?:the|my) (?:setup|prompt|briefing|instructions|material|hints?|notes)`,
  `the security (?:guidance|guidelines|hints?|notes|checklist|advice|brief)`,
  `(?:cwe \\d+|weakness|weaknesses) (?:was|were|is|are) (?:given|flagged|selected|provided|supplied)`,
  `(?:seen|saw|see|read) (?:a|the|that|this) (?:list|set|table) of (?:weaknesses|cwes|mitigations|hints|vulnerabilities)`,
  `(?:flagged|given|assigned|selected|preselected|listed|picked|provided|supplied|handed) (?:security )?${ONE}`,
  `(?:weakness|mitigation|cwe|hint) (?:that is |that was |which is |which was )?(?:listed|selected|given|flagged|assigned|provided|supplied)`,
  `(?:list|lists) (?:for (?:this|the) (?:task|job|exercise)|of (?:things that matter|weaknesses|cwes|concerns))`,
  `(?:notes|materials?|brief|briefing|guidance|hints?) (?:that |which )?(?:i|we) (?:ve |have |had |d )?(?:received|got|been given|been handed|been shown|was given|were given)`,
  `(?:i|we) (?:ve been|have been|was|were|had been|re|m|am|are) (?:\\w+ )?(?:told|asked|instructed|reminded|warned) (?:to (?:drop|skip|leave out|weave|include|cover|address) (?:\\w+ )?(?:points?|items?|concerns?|weakness|weaknesses|anything)|not to (?:copy|mention|repeat|quote|reveal|refer|reference|cite|name|say))`,
  `i (?:was|am|ve been|have been) (?:primed|briefed|coached|prepped|cued)`,
  `(?:things?|points?|concerns?|risks?|issues?) (?:have|has|had) (?:already )?been (?:pointed out|flagged|singled out)`,
  `(?:requested|asked|told|instructed|said|stated|written|required|demanded|described) (?:\\w+ ){0,2}(?:in|by) the (?:system|developer|hidden|initial) (?:message|prompt)`,
  `(?:neither|nor|both) (?:the |my )?(?:thinking|reasoning) (?:nor|or|and) (?:the |my )?answer`,
  `${ONE} (?:that |which )?(?:i|we) (?:${WAS} ${PASSED}|${WAS} (?:told|asked|instructed)|have to (?:work through|go through|cover|address|look at))`,
  `(?:items?|points?|things?|concerns?|ones?) (?:that |which )?(?:i|we) (?:${WAS} handed|${WAS} (?:told|asked|instructed) to (?:cover|address|watch|look|check|consider))`,
  `(?:listed|named|given) as no concern|listed for (?:this (?:task|exercise|job|one|language)|python|javascript|java|php|rust|ruby|go|c)|picked for this (?:task|exercise|job)`,
  `(?:among|one of) the (?:things|points|items|weaknesses|concerns) (?:that were |that are )?(?:named|listed|given|selected)`,
  `i (?:ve been|have been|was|had been) (?:explicitly |specifically |already )?(?:told|asked|instructed|advised|reminded) to (?:look out|watch|mind|consider|cover|address|beware|be careful|pay attention|keep an eye|take care)`,
  `(?:brought to my attention|pointed out (?:in advance|beforehand|up front|to me)|laid out for me|told (?:me )?(?:in advance|beforehand|up front))`,
  // My prompt, and the one of the system.
  'my (?:system )?(?:prompt|briefing|guidelines|guidance|directives|brief)',
  '(?:system prompt|developer (?:prompt|message|instructions?)|hidden (?:prompt|instructions?)|(?:hidden|secret|preceding) part of the prompt)',
  '(?:before|besides|beyond|outside|not in|in addition to) the user s (?:message|prompt|request)',
  'as (?:instructed|directed) (?:above|by the)|as told above',
  // The guidance, which nobody but me has.
  `(?:given|provided|supplied|listed|selected|above|aforementioned|received|mentioned|preselected|flagged|enumerated) (?:security )?${HANDED}`,
  `${HANDED} (?:that were |which were )?(?:above|provided|supplied|handed|listed above|given|below|in the prompt|from the prompt)`,
  `guidance (?:item|point|section|paragraph|bullet|number)`,
  `(?:in|from|by|to|of) the (?:briefing|guidance)|the given advice|material (?:that )?i (?:have|got|was given|received)`,
  `(?:in|from|of|by|with|to) what i (?:was|ve been|have been|am|m) (?:given|provided|shown|told|handed)`,
  `(?:what|as) (?:the|my) (?:notes|hints|briefing|material|guidance|checklist|preamble|instructions) (?:\\w+ )?${SAYS}`,
  `(?:arrived|came) (?:together |along |bundled )with the (?:task|request|question)`,
  `(?:the|my) system message ${SAYS}`,
  `(?:according to|following|per|as per|in line with|in accordance with|based on|obeying|going by) (?:the |these |those |this )?(?:security )?${HANDED}`,
  `(?:through|off|against|with|cover|covers|covered|over) (?:all )?(?:the|these|those) (?:listed |given |security )?(?:mitigations|weaknesses|cwes)`,
  `(?:the|this|that|one|each|every|first|second|last|next) (?:cwe|weakness|mitigation) (?:in|on|from|of) (?:the|my|this|that) (?:list|prompt|message|briefing)`,
  // What must not be noticed.
  `(?:as if|as though) i (?:d|ve) (?:\\w+ )?(?:come up|noticed|thought|discovered|spotted|found)`,
  `(?:avoid|without|not) (?:giving |give |leave |leaving )?the impression (?:that )?(?:i|we)`,
  `no (?:hint|mention|sign|trace|indication) (?:that there was (?:a|any|some)|of (?:any|the) (?:notes|briefing|guidance|hints|guidelines))`,
  `(?:disclose|disclosing|reveal|revealing|betray) (?:the |this |that |any )?(?:\\w+ ){0,4}(?:briefing|guidance|hints?|guidelines)`,
  `(?:work|weave) (?:\\w+ ){0,3}into (?:the|my) (?:reasoning|thinking|thoughts|trace|narrative)`,
  `(?:write|keep|make|let) (?:the |my |this )?(?:reasoning|thinking|thoughts|trace) (?:\\w+ )?(?:natural|naturally|spontaneous|organic)`,
  `(?:can t|cannot|mustn t|shouldn t|must not|should not|may not|not allowed to|not going to|won t) (?:say|tell|show|explain|reveal|admit|mention) (?:where|how|who|from where) (?:i|(?:this|that|the|my) \\w+|this|it|that|told) (?:have|got|get|know|knew|learnt|learned|comes?|came|me)`,
  `(?:i m|i am|i was|we re|we are) (?:meant|supposed|expected) to (?:come across|come upon|catch|discover|spot|stumble|find out|arrive at)`,
  `(?:want|wants|wanted|expect|expects) me to (?:catch|notice|spot|discover|come across|find (?:here|out|on))`,
  `(?:look|sound|seem|appear|read|feel) (?:like|as if|as though) (?:something )?(?:that )?(?:we|i) (?:just |only |had )*(?:discovered|noticed|found|came up|come up|thought of|spotted|realised)`,
  `(?:in|with) ordinary words|by (?:its|their|the) cwe (?:number|id)|instead of (?:citing|naming|quoting) the cwe`,
  `(?:each|every) protection (?:that )?(?:i|we) (?:have )?decided on|counts? as worthless|secure code that (?:does not|doesn t|fails to) do (?:its|the) job`,
  `(?:not|n t|never|without|shouldn t|mustn t|don t|can t|cannot) (?:to )?(?:let on|letting on|let slip)`,
  `without (?:making|make) it obvious (?:that (?:it|i)|where)`,
  `i (?:am|m|was) (?:not|never) supposed to (?:say|mention|reveal|refer|know|name|quote|cite|show|tell|repeat)`,
  `(?:not|never) supposed to (?:mention|reveal|quote|cite)`,
  `(?:crossed|came to|come to|occurred to) (?:my mind|me) (?:just now|by itself|on its own)|(?:like|as if|as though) it (?:just |only )?(?:crossed|came to|occurred)`,
  `let (?:(?:every|each) concern come up|(?:it|this|that|them) come up (?:naturally|by|as|on))`,
  `as if (?:i was |i were )?(?:unaware|ignorant|not knowing)|(?:reason|act|write|behave) as (?:if|though) (?:i |unaware|not)`,
  `(?:as if|as though|like) i (?:had |have |just |simply |only )*(?:noticed|discovered|spotted|came up|found|thought of)`,
  `(?:as if|as though|like) (?:it|they|this|that|these|the \\w+) (?:had |have |has |was |were |just |simply |only )*(?:noticed|spotted|came up|come up|comes up|thought of|occurred|my own|mine|my habit|unprompted|by itself)`,
  `(?:as|like|into) my own ${MINE}`,
  `as (?:if|though) (?:it|they|this|that) (?:was|were|is|are) my`,
  `(?:i|we) (?:need to|have to|must|should|shall|ought to|am supposed to|m supposed to|am to|was asked to|ve been asked to|am asked to|have been asked to) (?:just )?(?:weave|phrase it as|make it (?:look|seem|appear|sound) (?:like (?:i|my)|as (?:if|though)|natural|spontaneous))`,
  `(?:pretend|pretending|act as though|act as if) (?:that )?(?:i |to have )(?:just |only )?(?:noticed|discovered|found|didn t|did not|don t|do not|know|thought)`,
  `supposed to (?:weave|pretend|notice|discover|come up with)`,
  `(?:must|should|has to|have to|needs to|need to) (?:look|seem|sound|appear|come across|come up|feel) (?:like |as )?(?:spontaneous|organic|unprompted|my own)`,
  `(?:naturally|organically) (?:arrive|come up|surface|weave)|(?:arrive|come|get) (?:at it |to it )(?:naturally|by myself)|(?:come|comes|came) (?:up )?unprompted|like an? (?:unprompted|spontaneous)`,
  `${UNSAID}(?:${HANDED}|briefing|it was given|i was|i am|i ve|these were|they were|this was)`,
  `without (?:citing|quoting|crediting|mentioning|referencing|pointing to) (?:the source|the list|any of it)`,
  `keep (?:quiet|silent|it quiet) about (?:where|the|it|that|who)`,
  `${UNSEEN}(?:${HANDED}|${ONE}|i was|i am|i ve|it was given)`,
]);

/** Each says so unless the task is about such a thing, or speaks of it: a program may keep notes and show hints. */
const UNLESS_THE_TASK_HAS_IT = anyOf([
  `i (?:was|ve been|have been|had been) told (?:to|not to|that|about)`,
  `the directions (?:\\w+ )?(?:are|say|tell|ask|want)`,
  `exactly one (?:fenced block|(?:fenced )?code block)|single fenced (?:code )?block`,
  `(?:copy|copying|copied|reuse|reusing|repeat|repeating) (?:\\w+ ){0,2}(?:sentences?|phrases?|wording) from the`,
  `(?:flagged|pointed out|spelled out|suggested|recommended|assigned|dictated) (?:to|for) me`,
  `(?:in|from|of|with|by|per|like|to|says?) the (?:security )?(?:notes|materials?|brief|advice|reference materials?|briefing material)`,
  `(?:the|that) hints? (?:here|(?:here )?(?:was|is) (?:about|that|to))`,
  `the hints? (?:to|about|regarding|concerning)`,
  `(?:the|that|this|each|every|first|second|other) (?:\\w+ ){0,3}?${KIND} ${PIECE}`,
]);
/** What these may be about in a program, by the beginnings of words. */
const THINGS =
  /\b(?:note|material|brief|hint|item|bullet|point|section|paragraph|direction|block|sentence|phrase|wording)/g;

/** Each says so if the sentence is about security, since tasks and programs have instructions, notes and lists too. */
const ABOUT_SECURITY = anyOf([
  `(?:ahead of|precedes|prior to|before) the (?:question|request|task)`,
  `i (?:m|am|was) supposed to (?:handle|cover|address|work in|bring up|consider)`,
  `(?:information|description|context) (?:that |which )?i (?:got|received|was given)`,
  `(?:the|these|those|this|my|which|a|reviewers?|security) (?:security )?${ANY} (?:above |below |here )?(?:\\w+ ){0,3}${SAYS}`,
  `(?:according to|following|per|as per|in line with|in accordance with|based on) (?:the|these|those|my|given) (?:\\w+ )?${ANY}`,
  `(?:given|provided|supplied|listed|selected|above) ${ORDINARY}`,
  `${ORDINARY} (?:above|provided|supplied|handed)`,
  `${ORDINARY} (?:that |which )?(?:i|we) (?:${WAS} ${PASSED}|got|received|${WAS} (?:told|asked|instructed)|have to (?:work|go) through)`,
  `i ${WAS} (?:given|handed|shown|supplied with|provided with) (?:\\w+ ){0,3}${ORDINARY}`,
  `(?:what|all) i (?:m|am|was|have been|ve been) (?:told|given|asked|instructed|supposed)`,
  `(?:they|you|somebody|someone|setup|prompt) (?:gave|handed|showed|supplied|listed|named|told|tell|tells|reminds?) (?:me|us)`,
  `(?:came|comes|come|arrived|shipped|delivered) (?:along )?with the (?:task|prompt)`,
  `(?:in|from|by|to|of) (?:the|my) (?:checklist|memo|preamble|hints|notes|instructions|prompt|setup|material)`,
  `(?:described|listed|handed|supplied) (?:to|for) me`,
  `(?:what|as|which|that) the (?:prompt|instructions?|list|context|message) (?:\\w+ )?(?:calls?|says?|lists?|names?|asks?|wants?|requires?|mentions?|states?)`,
  `my (?:instructions|checklist|notes)`,
  '(?:system|hidden|secret|initial|preceding) (?:message|instruction|instructions|directive)',
  `(?:cwe|cwes|weakness|weaknesses|mitigation|mitigations) (?:\\w+ )?(?:in|on|from) (?:the|this|that) list`,
  `(?:thing|weakness|issue|concern|worry|risk) (?:\\w+ )?(?:from|on|in) (?:the|my) (?:list|notes|briefing|prompt)`,
  `${UNSAID}(?:list|rules|instructions?|prompt|source|origin)`,
  `${UNSEEN}(?:list|rules|instructions?|prompt)`,
]);
const SECURITY_WORD = anyOf([SECURITY]);

/**
 * Finds talk about having been told what to look for: of material that only the teacher saw, or of hiding it. Returns the words. What the
 * task itself says, and advice of others that anybody may quote, is not that.
 */
export function guidedTalk(text: string, taskPrompt: string): string | undefined {
  let taskLine: string | undefined;
  for (const sentence of text.split(/[.!?;\n]+/)) {
    const line = wordLine(sentence);
    if (ELSEWHERE.test(line)) continue;
    taskLine ??= wordLine(taskPrompt);
    const found = giveAway(line, taskLine);
    if (found !== undefined && !taskLine.includes(` ${found} `)) return found;
  }
  return undefined;
}

function giveAway(line: string, taskLine: string): string | undefined {
  const said = GIVEN_AWAY.exec(line)?.[1];
  if (said !== undefined || OF_THE_TASK.test(line)) return said;
  const thing = UNLESS_THE_TASK_HAS_IT.exec(line)?.[1];
  if (thing !== undefined && !(thing.match(THINGS) ?? []).some((word) => taskLine.includes(` ${word}`))) return thing;
  return SECURITY_WORD.test(line) ? ABOUT_SECURITY.exec(line)?.[1] : undefined;
}

/** One pattern of whole words: a hundred of them one by one would take three times as long. */
function anyOf(sources: readonly string[]): RegExp {
  return new RegExp(` (${inOneSpelling(sources.join('|'))})(?= )`);
}
