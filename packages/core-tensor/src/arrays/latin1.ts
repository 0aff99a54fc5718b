/** As many characters at once as a call takes arguments safely. */
const chunk = 8192;

/** A text in Latin-1, byte by byte. (`TextDecoder` takes "latin1" for Windows-1252, whose 128 to 159 are others.) */
export function decodeLatin1(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let begin = 0; begin < bytes.length; begin += chunk) parts.push(String.fromCharCode(...bytes.subarray(begin, begin + chunk)));
  return parts.join("");
}
