import { wordLine } from './words.js';

/** Things that a teacher is given and that neither a task nor a program has. */
const HANDED = '(?:guidance|briefing|guidelines|hints|mitigations|weaknesses|cwes|cwe entries)';
/** Things that a user's message or a program may have as well, which tell nothing by themselves. */
const ORDINARY =
  '(?:hint|guideline|notes|memo|checklist|advice|warnings|preamble|list|lists|instructions?|requirements|context|prompt|message|background|concerns?)';
const ANY = `(?:${HANDED}|${ORDINARY})`;
const SAYS =
  '(?:say|says|said|list|lists|listed|mention|mentions|mentioned|name|names|state|states|tell|tells|told|ask|asks|asked|suggest|suggests|recommend|recommends|want|wants|require|requires|point|points|warn|warns|flag|flags|demand|demands|remind|reminds|expect|expects)';
const WAS = '(?:was|were|am|m|have been|ve been|had been|d been|got)';
const PASSED = '(?:given|handed|shown|supplied|provided|briefed|sent|passed|fed|provided with|reminded of)';
/** Not to speak of something, up to what is not spoken of. */
const UNSAID =
  '(?:without|not|never|no|don t|shouldn t|mustn t|can t|cannot|avoid|nor|n t) (?:to |be |any )*(?:mention|mentions|mentioning|quote|quoting|cite|citing|refer|referring|reference|reveal|revealing|admit|admitting|say|disclose|disclosing|hint|point|pointing|acknowledge|acknowledging|name|naming|copy|copying|repeat|repeating) (?:at |to |from |that |of )*(?:any |the |these |those |this |their |where |it came |idea |source |existence |of )*';
const UNSEEN =
  '(?:user|reader|they|anyone|anybody|nobody) (?:\\w+ )?(?:hasn t|has not|have not|haven t|cannot|can t|does not|doesn t|didn t|did not|shouldn t|should not|must not|mustn t|won t|never) (?:be able to )?(?:see|seen|saw|know|realise|realize|realiz|notic|notice|guess|learn|find out|suspect) (?:that |of |about |the |this |these |those |any )*';
/** What the hints are about. Needed where the other words could speak of the task or of the program. */
const SECURITY =
  '(?:security|secure|insecure|cwe|cwes|weakness|weaknesses|vulnerability|vulnerabilities|vulnerable|injection|traversal|overflow|overflows|xss|ssrf|xxe|idor|redos|sqli|csrf|attack|attacks|attacker|exploit|mitigation|mitigations|hardening|deserialization|deserialisation|authorization|authorisation|untrusted|threat|threats)';
const MINE =
  '(?:idea|ideas|observation|observations|thought|thoughts|concern|finding|findings|habit|own|insight|reasoning|discovery)';

/** Somebody else's advice, of which anybody may speak. */
const ELSEWHERE =
  / (?:owasp|nist|mitre|mdn|cert|rfc|docs?|documentation|manual|man page|readme|book|blog|article|wiki|release notes|stack overflow|style guide|linter|compiler|mypy|type hints?|type annotations?|colleagues?|reviews|usual|common|general|standard library|framework s|vendor) /;

/** Whose instructions and lists are the user's, and no secret. */
const OF_THE_TASK = / (?:the user|user s|users|the task|task s|the issue|ticket|customer|the caller) /;

/** Each says by itself that somebody else pointed the way. Matched on words, see `wordLine`. */
const GIVEN_AWAY = [
  // What I was given, and what was given to me.
  `${HANDED} (?:that |which )?(?:i|we) (?:${WAS} ${PASSED}|got|received|${WAS} (?:told|asked|instructed)|have to (?:work|go) through)`,
  `(?:flagged|pointed out|spelled out|suggested|recommended|assigned|dictated) (?:to|for) me`,
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
  // My prompt, and the one of the system.
  'my (?:system )?(?:prompt|briefing|guidelines|guidance|directives|brief)',
  '(?:system prompt|developer (?:prompt|message|instructions?)|hidden (?:prompt|instructions?)|(?:hidden|secret|preceding) part of the prompt)',
  '(?:before|besides|beyond|outside|not in|in addition to) the user s (?:message|prompt|request)',
  'as (?:instructed|directed|told) (?:above|by the)',
  // The guidance, which nobody but me has.
  `(?:given|provided|supplied|listed|selected|above|aforementioned|received|mentioned|preselected|flagged|enumerated) (?:security )?${HANDED}`,
  `${HANDED} (?:that were |which were )?(?:above|provided|supplied|handed|listed above|given|below|in the prompt|from the prompt)`,
  `guidance (?:item|point|section|paragraph|bullet|number)`,
  `(?:in|from|by|to|of) the (?:briefing|guidance)|the given advice|(?:in|from) the material (?:that )?i (?:have|got|was given)`,
  `(?:the|my) system message ${SAYS}`,
  `(?:according to|following|per|as per|in line with|in accordance with|based on|obeying|going by) (?:the |these |those |this )?(?:security )?${HANDED}`,
  `(?:through|off|against|with|cover|covers|covered|over) (?:all )?(?:the|these|those) (?:listed |given |security )?(?:mitigations|weaknesses|cwes)`,
  `(?:the|this|that|one|each|every|first|second|last|next) (?:cwe|weakness|mitigation) (?:in|on|from|of) (?:the|my|this|that) (?:list|prompt|message|briefing)`,
  // What must not be noticed.
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
  `${UNSEEN}(?:${HANDED}|i was|i am|i ve|it was given)`,
].map(whole);

/** Each says so if the sentence is about security, since tasks and programs have instructions, notes and lists too. */
const ABOUT_SECURITY = [
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
  `my (?:instructions|checklist|notes)`,
  '(?:system|hidden|secret|initial|preceding) (?:message|instruction|instructions|directive)',
  `(?:cwe|cwes|weakness|weaknesses|mitigation|mitigations) (?:\\w+ )?(?:in|on|from) (?:the|this|that) list`,
  `(?:thing|weakness|issue|concern|worry|risk) (?:\\w+ )?(?:from|on|in) (?:the|my) (?:list|notes|briefing|prompt)`,
  `${UNSAID}(?:list|rules|instructions?|prompt|source|origin)`,
  `${UNSEEN}(?:list|rules|instructions?|prompt)`,
].map(whole);
const SECURITY_WORD = whole(SECURITY);

/** Words without which none of the patterns can match: most sentences need no closer look. */
const WORTH_A_LOOK =
  / (?:guid\w*|hints?|notes?|memo|checklist|advice|mitigations?|weakness\w*|cwes?|warned|warnings?|preamble|brief\w*|lists?|listed|instruct\w*|requirements|rules|points?|items?|entries|context|prompt|message|told|given|handed|asked|supposed|flagged|background|pretend\w*|unprompted|naturally|organically|without|quiet|though|my|like|supplied|provided|came|comes|come|material|described|nudged|tipped|as if|must|should) /;

/**
 * Finds talk about having been told what to look for: of material that only the teacher saw, or of hiding it. Returns the words. What the
 * task itself says, and advice of others that anybody may quote, is not that.
 */
export function guidedTalk(text: string, taskPrompt: string): string | undefined {
  let taskLine: string | undefined;
  for (const sentence of text.split(/[.!?;\n]+/)) {
    const line = wordLine(sentence);
    if (!WORTH_A_LOOK.test(line) || ELSEWHERE.test(line)) continue;
    const found =
      firstOf(GIVEN_AWAY, line) ??
      (SECURITY_WORD.test(line) && !OF_THE_TASK.test(line) ? firstOf(ABOUT_SECURITY, line) : undefined);
    if (found === undefined) continue;
    taskLine ??= wordLine(taskPrompt);
    if (!taskLine.includes(` ${found} `)) return found;
  }
  return undefined;
}

function firstOf(patterns: readonly RegExp[], line: string): string | undefined {
  for (const pattern of patterns) {
    const said = pattern.exec(line)?.[1];
    if (said !== undefined) return said;
  }
  return undefined;
}

function whole(source: string): RegExp {
  return new RegExp(` (${source})(?= )`);
}
