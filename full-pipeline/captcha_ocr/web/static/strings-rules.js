// What can be wrong with a rule: a text for each `kind` of the server (docs/api.md).

const en = {
  "rule-wrong": "This rule cannot be used: {why}",
  "rule-wrong.at": "Character {n} of the pattern: {why}",
  "rule.unclosed": "this bracket is not closed.",
  "rule.unopened": "this bracket closes nothing; write a \\ before it to mean the character.",
  "rule.misplaced_repeat":
    "? * + and {3} stand behind what they repeat, one at a time; write a \\ before it to mean the character.",
  "rule.bad_repeat": "write {3} or {2,4}, the smaller number first, 64 at most.",
  "rule.unknown_escape": "behind \\ stands d, w or a sign.",
  "rule.empty_class": "nothing stands between [ and ].",
  "rule.bad_range": "this is no range of characters, such as a-z.",
  "rule.meaningless":
    "^, $ and (? mean nothing here, where the whole text is matched; leave it out, or write a \\ before it to mean the character.",
  "rule.too_large":
    "the pattern is too large; 256 characters, 512 with its repeats written out, and 20 groups inside each other are allowed.",
  "rule.too_many_states": "it is too large; make the pattern simpler, or the text shorter.",
  "rule.unknown_character": "the model cannot write it, and no other text fits.",
  "rule.unknown_alphabet": "the model can write none of these characters.",
  "rule.no_text": "no text meets all of it.",
};

const zh = {
  "rule-wrong": "这个限制不能用：{why}",
  "rule-wrong.at": "模式的第 {n} 个字符：{why}",
  "rule.unclosed": "这个括号没有闭合。",
  "rule.unopened": "这个括号前面没有与它配对的；要表示字符本身，请在前面写 \\。",
  "rule.misplaced_repeat":
    "? * + 和 {3} 要写在被重复的内容后面，而且只能写一个；要表示字符本身，请在前面写 \\。",
  "rule.bad_repeat": "重复次数写成 {3} 或 {2,4}，小的在前，最多 64。",
  "rule.unknown_escape": "\\ 后面只能是 d、w 或符号。",
  "rule.empty_class": "[ 和 ] 之间没有内容。",
  "rule.bad_range": "这不是字符范围；范围的例子：a-z。",
  "rule.meaningless":
    "^、$ 和 (? 在这里没有意义，因为匹配的总是整个文本；请去掉，要表示字符本身，请在前面写 \\。",
  "rule.too_large": "模式太大：最多 256 个字符，展开重复后 512 个，括号最多嵌套 20 层。",
  "rule.too_many_states": "限制太大，请把模式写得简单些，或把文本限制得短些。",
  "rule.unknown_character": "模型不会写这个字符，也没有别的文本符合。",
  "rule.unknown_alphabet": "这些字符模型一个也不会写。",
  "rule.no_text": "没有文本能同时满足。",
};

export const rules = { en, zh };
