import { stemOf } from './words.js';

/**
 * Words that stand in any programming task or program and so say nothing about which one it is: what English sentences are
 * built of, how tasks ask, and what languages make everybody write (`#include <stdio.h>`, `if __name__ == "__main__"`).
 * Read off what tasks and programs have in common; no benchmark was looked at.
 */
const WORDS = `
a an the this that these those it its he she they them their there we our us you your i my me one ones who whom whose which what where when
why how if then else than and or not no nor but so as at by for from in into of on onto out over to up with without within under after before
between behind below above is are was were be been being am do does did done has have had can could may might must shall should will would
also any all each every both either neither some such same other another only own just very too more most less least many much few several
here now once again still yet already always never often next first last second third two three four five new old good well like need needs
want please let lets e g i.e eg etc example examples instance following given giving based using use used uses user via per about because while
until since during through against along around across toward instead rather whether otherwise however therefore thus
write implement create make build generate provide develop design program programs programming code codes coding function functions method
methods class classes module modules script library package solution task problem question exercise challenge snippet implementation
take takes taking accept accepts receive receives get gets return returns returning returned give gives output outputs input inputs print
prints printing display displays show shows read reads call called calls calling run runs find finds check checks determine calculate
calculates compute computes convert converts sort sorts add adds remove removes count counts contain contains containing includes include
parameter parameters argument arguments param params value values variable variables result results type types name named names number
numbers integer integers int float double long short unsigned signed size length list lists array arrays string strings text char character
characters byte bytes word words line lines file files data item items element elements key keys index object objects dictionary dict map set
sets tuple vector pair pairs true false bool boolean null none nil undefined empty error errors exception exceptions case cases test tests
order ordered sorted maximum minimum max min sum total average position order left right start end begin ends main void const static
public private protected return self this new import from package include using namespace std def func fn fun let var val async await
struct enum interface extends implements throws throw try catch except finally raise with yield lambda switch break continue while for
do else elif in is and or not printf println print echo console log system out sys os re json math string stdio stdlib h iostream fmt
argv argc args arg len range append push pop join split str format i j k n m x y z s t c p r e err ok res ret tmp temp idx id
python python3 javascript typescript java c cpp go golang rust php ruby perl kotlin swift html css sql bash shell node nodejs
utf 8 0 1 2 3 4 5 10 100 assert assertequals equal equals expect describe it require module exports export default usr bin env
__name__ __main__ __init__ name main init util utils java scanner arraylist hashmap foreach length tostring equals override
`;

const COMMON = new Set(
  WORDS.split(/\s+/)
    .filter((word) => word !== '')
    .flatMap((word) => [word, stemOf(word)]),
);

/** Whether a word (lower case, whole or stemmed) says nothing about the task that it stands in, as numbers and single letters. */
export function isCommon(word: string): boolean {
  return word.length < 2 || COMMON.has(word) || /^\p{N}+$/u.test(word);
}

const PROSE = new Set(
  'the a an of that which its be are was this these those each must should would we you your our they their than into there when whose'.split(
    ' ',
  ),
);

/** Whether words in a row read like a sentence and not like code. */
export function isProse(words: readonly string[]): boolean {
  return new Set(words.filter((word) => PROSE.has(word))).size >= 2;
}
