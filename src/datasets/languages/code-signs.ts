/** How much a sign counts: one `strong` is enough by itself, a `weak` one supports others, and `proof` outweighs a chance find. */
const [proof, strong, weak] = [4, 2, 1];
type Sign = readonly [weight: number, pattern: RegExp];

/** What code of a language looks like. */
export interface Signs {
  /** Words of which every such code has at least one: where none stands, no sign is looked for. */
  readonly words: readonly string[];
  readonly signs: readonly Sign[];
}

function signs(words: string, all: readonly Sign[]): Signs {
  return { words: words.split(' '), signs: all };
}

/** What code looks like, by language; each sign counts once. Every pattern is bounded, so that none takes more than linear time. */
export const programmingSigns: Readonly<Record<string, Signs>> = {
  python: signs('def import print for if while lambda none true false self class name init', [
    [strong, /^[ \t]{0,40}(?:async )?def \w{1,80}\([^()\n]{0,300}\)[^\n:{]{0,100}:/m],
    [strong, /^[ \t]{0,40}(?:async )?def \w{1,80}\([^\n]{0,300}:[ \t]{0,20}$/m],
    [strong, /^[ \t]{0,40}from [\w.]{1,80} import /m],
    [strong, /^import \w{1,60} as \w{1,30}/m],
    [strong, /^>>> |__(?:init|name|main)__/m],
    [strong, /\bfor \w{1,40} in (?:range|enumerate)\(/],
    [strong, /[[({][^[\]\n]{1,80} for \w{1,30} in [^[\]\n]{1,80}[\])}]/],
    [
      strong,
      /^[ \t]{0,40}(?:for \w[^\n:]{0,60} in [^\n:]{1,80}|elif [^\n]{1,120}|if [^\n]{1,80}|while [^\n]{1,80}|else):[ \t]{0,20}\n[ \t]{1,40}\S/m,
    ],
    [weak, /\bprint\(/],
    [weak, /\bself\.\w/],
    [weak, /^class \w{1,60}(?:\([\w., ]{0,80}\))?:/m],
    [weak, /\b(?:None|True|False)\b/],
    [weak, /^import \w[\w.]{0,60}[ \t]{0,20}$/m],
    [weak, /\blambda \w{1,30}(?:, ?\w{1,30}){0,9}:|\blen\(\w/],
  ]),
  javascript: signs('console document const let var function module json length push addeventlistener', [
    [strong, /\bconsole\.(?:log|error)\(/],
    [strong, /\bdocument\.(?:getElement|querySelector|createElement|write|addEventListener)/],
    [strong, /\bmodule\.exports\b|\baddEventListener\(|\bJSON\.(?:parse|stringify)\(/],
    [strong, /\bfunction ?[\w$]{0,60}\([^()$\n]{0,200}\) ?\{/],
    [strong, /\b(?:const|let|var) [\w$]{1,60} ?= ?(?:require\(|new |\(?[\w$, ]{0,60}\)? ?=>|async |\[|\{|['"`])/],
    [strong, /\$\((?:document|this|['"][.#\w])/],
    [weak, /\b(?:const|let|var) [\w$]{1,60} ?= /],
    [weak, /===|=> ?[{(]/],
    [weak, /\.length\b|\.push\(/],
  ]),
  typescript: signs('string number boolean any void unknown interface readonly', [
    [strong, /[\w)?]: ?(?:string|number|boolean|any|void|unknown)(?:\[\])?[ ,;)=|{>]/],
    [strong, /^[ \t]{0,40}(?:export )?interface \w{1,60} ?(?:extends [\w, ]{1,60})?\{/m],
    [weak, /\b(?:readonly|private|public) \w{1,60}: ?\w/],
  ]),
  java: signs('public private protected system import override string main', [
    [proof, /\bpublic static void main\b/],
    [strong, /\bSystem\.(?:out|err|in)\b/],
    [strong, /^[ \t]{0,40}import javax?\.\w/m],
    [strong, /@Override\b|\bString\[\] \w|\bnew (?:ArrayList|HashMap|Scanner)\b/],
    [
      weak,
      /\b(?:public|private|protected) (?:static |final |abstract ){0,3}(?:class|interface|enum|void|int|String|boolean|double|List)\b/,
    ],
    [weak, /\bString \w{1,60} ?[=;,)]/],
  ]),
  csharp: signs('using console static namespace public foreach get', [
    [proof, /^[ \t]{0,40}using System\b/m],
    [strong, /\bConsole\.(?:Write|Read)/],
    [strong, /\bstatic (?:async )?(?:void|int|Task) Main\(/],
    [strong, /\{ ?get; ?(?:(?:private |protected )?set; ?)?\}/],
    [weak, /^[ \t]{0,40}namespace [\w.]{1,80}/m],
    [weak, /\bforeach ?\(|\bpublic (?:static |async |override |virtual ){0,3}(?:class|void|int|string|bool|Task)\b/],
  ]),
  c: signs('include int void char double float long size bool printf struct malloc sizeof', [
    [
      strong,
      /^[ \t]{0,20}#[ \t]{0,9}include[ \t]{0,9}<(?:std\w{2,7}|string|math|ctype|unistd|assert|errno|time|limits|pthread)\.h>/m,
    ],
    [strong, /\bint main ?\((?:void|int argc)?/],
    [
      weak,
      /^(?:static |const |unsigned ){0,3}(?:int|void|char|double|float|long|size_t|bool) \*{0,2}\w{1,60} ?\([^;{}()\n]{0,200}\)[ \t]{0,9}[{;]?[ \t]{0,9}$/m,
    ],
    [weak, /\b(?:printf|scanf|malloc|free|strcpy|strlen|sizeof) ?\(/],
    [weak, /\bstruct \w{1,60} ?[{*]|\b(?:char|int|void) ?\*/],
  ]),
  cpp: signs('include std cout cin cerr namespace public private protected template vector map pair', [
    [proof, /#[ \t]{0,9}include[ \t]{0,9}<[a-z_]{3,20}>/],
    [strong, /\bstd::\w/],
    [strong, /\b(?:cout|cin|cerr) ?(?:<<|>>)/],
    [strong, /\busing namespace std\b/],
    [strong, /^[ \t]{0,20}(?:public|private|protected):[ \t]{0,20}$/m],
    [weak, /\btemplate ?<|\b(?:vector|map|pair)<\w/],
  ]),
  'objective-c': signs('implementation property nslog nsstring nsarray nsinteger nsdictionary import', [
    [proof, /@(?:implementation|property)\b|\bNSLog\(|\bNS(?:String|Array|Integer|Dictionary) ?\*|#import </],
  ]),
  go: signs('package func fmt err range import go', [
    [proof, /^package main[ \t]{0,20}$/m],
    [strong, /\bfmt\.(?:Print|Sprint|Errorf|Scan|Fprint)|\berr != nil\b|\bgo func\(/],
    [strong, /^import \([ \t]{0,9}$/m],
    [strong, /\bfunc \(\w{1,30} \*?[\w.]{1,60}\) \w/],
    [weak, /\bfunc \w{1,60}\([^:\n]{0,200}\)[^\n:{>]{0,80}\{/],
    [weak, /\w :?= range |\w := /],
  ]),
  rust: signs('fn mut pub println vec format panic impl use', [
    [strong, /\bfn \w{1,60}(?:<[^>\n]{0,60}>)?\([^()\n]{0,200}\)/],
    [strong, /\blet mut \w|\bpub (?:fn|struct|enum)\b/],
    [strong, /\b(?:println|vec|format|panic)!\s?[([]/],
    [weak, /\buse std::|\bimpl(?:<[^>\n]{0,40}>)? \w|&(?:mut |str\b)/],
  ]),
  php: signs('php get post session server request this function echo foreach', [
    [proof, /<\?php|\$(?:_GET|_POST|_SESSION|_SERVER|_REQUEST|this->)/],
    [strong, /\bfunction \w{1,60}\([^()\n]{0,100}\$\w/],
    [weak, /\$\w{1,60} ?= ?[^=]/],
    [weak, /\becho [^\n]{0,80};|\bforeach ?\(\$\w/],
  ]),
  ruby: signs('def do end puts attr each', [
    [strong, /^[ \t]{0,40}def (?:self\.)?\w{1,60}[?!]?(?:\([^()\n]{0,200}\))?[ \t]{0,9}$/m],
    [strong, /\b(?:do|\{) ?\|\w{1,30}(?:, ?\w{1,30}){0,5}\|/],
    [strong, /\battr_(?:accessor|reader|writer)\b|\.each do\b/],
    [weak, /^[ \t]{0,40}end[ \t]{0,9}$/m],
    [weak, /^[ \t]{0,40}puts [^\n]/m],
  ]),
  swift: signs('import func guard let int string bool double void', [
    [proof, /^import (?:UIKit|SwiftUI)\b/m],
    [strong, /\bfunc \w{1,60}(?:<[^>\n]{0,60}>)?\([^()\n]{0,100}\w: ?(?:inout )?\[?[A-Z]\w/],
    [strong, /\bguard let\b|\bif let \w{1,60} = |\blet \w{1,60}: ?\[?(?:Int|String|Double|Bool|Character)\b/],
    [strong, /^import Foundation\b/m],
    [weak, /-> \[?(?:Int|String|Bool|Double|Void)\b/],
  ]),
  kotlin: signs('fun data listof mutablelistof mutablemapof mutablesetof val println', [
    [strong, /\bfun (?:<[^>\n]{0,40}> )?(?:\w{1,40}\.)?\w{1,60}\([^()\n]{0,200}\)/],
    [strong, /\bdata class \w|\bfun main\(|\blistOf\(|\bmutable(?:List|Map|Set)Of\(/],
    [weak, /\bval \w{1,60}(?:: ?\w{1,40})? ?= /],
    [weak, /(?<![.\w])println\(/],
  ]),
  scala: signs('def object case val', [
    [strong, /\bdef \w{1,60}(?:\[[^\]\n]{0,40}\])?\([^()\n]{0,200}\)(?:: ?[\w[\], ]{1,60})? ?= /],
    [strong, /\bobject \w{1,60} (?:extends \w{1,60} ?)?\{|\bcase class \w/],
    [weak, /\bval \w{1,60}(?:: ?\w{1,40})? ?= /],
  ]),
  perl: signs('use my', [[proof, /\buse strict\b|\bmy (?:[$@%]\w|\([$@%])/]]),
  lua: signs('local then end', [
    [strong, /^[ \t]{0,20}local (?:function )?\w{1,60}/m],
    [weak, /\bthen[ \t]{0,9}$/m],
    [weak, /^[ \t]{0,20}end[ \t]{0,9}$/m],
  ]),
  r: signs('function c data read library', [
    [strong, /\w ?<- ?(?:function|c|data\.frame|read\.csv)\(/],
    [strong, /^library\(\w{1,40}\)/m],
  ]),
  haskell: signs('module import', [
    [strong, /^\w{1,40} :: [^\n]{1,100}->/m],
    [strong, /^import qualified |^module [A-Z][\w.]{0,40} where/m],
  ]),
  powershell: signs('get set new remove write start stop invoke import export', [
    [strong, /\b(?:Get|Set|New|Remove|Write|Start|Stop|Invoke|Import|Export)-[A-Z][a-z]\w{0,30}\b/],
  ]),
};

/** What stands inside programs of other languages, too. */
export const embeddedSigns: Readonly<Record<string, Signs>> = {
  sql: signs('select insert create alter delete drop update', [
    [strong, /\bSELECT\b[^;]{1,400}\bFROM\b/],
    [
      strong,
      /\b(?:INSERT INTO|CREATE (?:OR REPLACE )?(?:TABLE|VIEW|PROCEDURE|FUNCTION|INDEX|DATABASE|TRIGGER)|ALTER TABLE|DELETE FROM|DROP TABLE)\b/,
    ],
    [strong, /\bUPDATE \w{1,60} SET\b/],
    [strong, /\bselect \* from \w|\bcreate table \w{1,60} ?\(|\binsert into \w{1,60} ?(?:\(|values)/i],
  ]),
  html: signs('doctype html div p form table ul ol h button head body nav section label span a li tr td select title', [
    [proof, /<!DOCTYPE html|<html\b/i],
    [strong, /<\/(?:div|p|form|table|ul|ol|h[1-6]|button|head|body|nav|section|label|span|a|li|tr|td|select|title)>/i],
  ]),
  css: signs('color background font margin padding border width height display position text flex', [
    [
      strong,
      /\{\s{0,20}(?:color|background|font|margin|padding|border|width|height|display|position|text-align|flex)[\w-]{0,20} ?: ?[^;{}\n]{1,100};?/,
    ],
  ]),
  shell: signs(
    'bin fi done esac grep awk sed sort wc xargs cut head tail cd ls git npm sudo cat find apt chmod mkdir curl tar cp mv rm',
    [
      [proof, /^#! ?\/(?:usr\/)?bin\/(?:env )?(?:ba|z|k|da)?sh\b/m],
      [strong, /^[ \t]{0,20}(?:fi|done|esac)[ \t]{0,9}$/m],
      [strong, /\| ?(?:grep|awk|sed|sort|wc|xargs|cut|head|tail)\b/],
      [strong, /^\$ (?:cd|ls|git|npm|sudo|cat|grep|find)\b/m],
      [strong, /^(?:sudo|apt-get|chmod|mkdir|grep|awk|sed|find|curl|tar|ls|cp|mv|rm) (?:-{1,2}\w|[./~])/m],
    ],
  ),
};

/** What is written in one language can be read as the other, too: signs of the second count for the first, once it has shown itself. */
export const dialects: readonly (readonly [dialect: string, of: string])[] = [
  ['cpp', 'c'],
  ['objective-c', 'c'],
  ['typescript', 'javascript'],
];
