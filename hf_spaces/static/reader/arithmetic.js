// The answer to an arithmetic picture, 7*3=? is 21: the twin of captcha_ocr/arithmetic.py.

const MAX_LENGTH = 64;
const LOOKALIKES = { "*": "×✕∗＊", "/": "÷／∕", "+": "＋", "-": "−－–", "=": "＝", "?": "？" };
const ONE_WAY = new Map(
  Object.entries(LOOKALIKES).flatMap(([sign, others]) => [...others].map((char) => [char, sign])),
);
const TIMES_LETTER = /(?<=[0-9])(\s*)[xX](?=\s*[0-9])/g;
const EXPRESSION = /^([0-9]+(?:[-+*/][0-9]+)+)=\??$/;

/** A whole number, or null for a text that is no sum or does not come out even. */
export function solve(text) {
  if ([...text].length > MAX_LENGTH) return null;
  const folded = [...text].map((char) => ONE_WAY.get(char) ?? char).join("");
  const match = EXPRESSION.exec(folded.replace(TIMES_LETTER, "$1*").replace(/\s/g, ""));
  return match ? evaluate(match[1].match(/[0-9]+|[-+*/]/g)) : null;
}

/** ["3", "+", "4", "*", "2"] is 11: products are folded into terms, terms are added. */
function evaluate(tokens) {
  const terms = [BigInt(tokens[0])];
  for (let i = 1; i < tokens.length; i += 2) {
    const number = BigInt(tokens[i + 1]);
    const term = terms.at(-1);
    if (tokens[i] === "*") terms[terms.length - 1] = term * number;
    else if (tokens[i] === "/") {
      if (number === 0n || term % number !== 0n) return null;
      terms[terms.length - 1] = term / number;
    } else terms.push(tokens[i] === "+" ? number : -number);
  }
  return Number(terms.reduce((a, b) => a + b));
}
