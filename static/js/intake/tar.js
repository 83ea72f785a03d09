/* Many files as one, for their way: a tar, of which the browser reads each file only when its bytes are sent. */

const BLOCK = 512;
const MOST_NAME = 100;
const words = new TextEncoder();

const padding = (size) => new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);
const octal = (number, digits) => number.toString(8).padStart(digits, "0");

/** The head of an entry: name as bytes, type "0" of a file, "L" of the name of the next one (POSIX.1-1988, GNU). */
export function headOf(name, size, type = "0") {
  const block = new Uint8Array(BLOCK);
  const put = (at, text) => block.set(words.encode(text), at);
  block.set(name.subarray(0, MOST_NAME));
  put(100, "0000600\0");
  put(108, "0000000\0");
  put(116, "0000000\0");
  put(124, `${octal(size, 11)}\0`);
  put(136, "00000000000\0");
  put(148, "        ");
  put(156, type);
  put(257, "ustar\0" + "00");
  const sum = block.reduce((all, each) => all + each, 0);
  put(148, `${octal(sum, 6)}\0 `);
  return block;
}

/** The files as a Blob, in their order. */
export function tarOf(files) {
  const parts = [];
  for (const file of files) {
    const name = words.encode(file.name);
    if (name.length > MOST_NAME) {
      parts.push(headOf(words.encode("././@LongLink"), name.length + 1, "L"), name, new Uint8Array(1));
      parts.push(padding(name.length + 1));
    }
    parts.push(headOf(name, file.size), file, padding(file.size));
  }
  return new Blob([...parts, new Uint8Array(2 * BLOCK)]);
}
