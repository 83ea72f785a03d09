/* A parcel sent in pieces (tus 1.0), which goes on where the line broke or the page was closed. Nothing is kept in
   this browser: the server tells which uploads of its person are unfinished, and by which files they are known again. */

import { cookie } from "../cookies.js";
import { tarOf } from "./tar.js";

const RETRY_MS = [0, 1000, 3000, 5000, 10_000, 20_000, 30_000];
// A piece that changed on its way, and too many requests: both pass.
const PASSING = [409, 423, 429, 460];
const FULL = 507;

const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const base64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)));
// Over plain http a browser computes no digests, except on the machine itself.
const digestOf = async (data) => globalThis.crypto?.subtle?.digest("SHA-256", data);

/** The files in an order that is the same each time they are chosen. */
export function inOneOrder(files) {
  return [...files].sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
}

/** By what the same files are known again, for the same cohort; "" where the browser computes no digests. */
export async function fingerprintOf(files, ...purpose) {
  const told = [purpose, files.map(({ name, size, lastModified }) => [name, size, lastModified])];
  const digest = await digestOf(new TextEncoder().encode(JSON.stringify(told)));
  return digest ? hex(digest) : "";
}

/** Whether a request that failed is sent again by itself. Status 0: there was no answer. */
export function isPassing(status) {
  return status === 0 || PASSING.includes(status) || (status >= 500 && status !== FULL);
}

/** tus-js-client's own requests, each piece with its digest. */
class CheckedStack {
  constructor(tus) {
    this.stack = new tus.DefaultHttpStack({});
  }

  getName() {
    return "CheckedStack";
  }

  createRequest(method, url) {
    const request = this.stack.createRequest(method, url);
    const send = request.send.bind(request);
    request.send = async (body) => {
      const digest = body && method === "PATCH" ? await digestOf(await body.arrayBuffer()) : null;
      if (digest) request.setHeader("Upload-Checksum", `sha256 ${base64(digest)}`);
      return send(body);
    };
    return request;
  }
}

/**
 * Sends the files to `address`, from where the upload at `unfinished` was cut if there is one; resolves to the address of
 * the upload. Rejects with an error of tus-js-client. `parcel` keeps what a further try needs.
 */
export function sendInPieces(parcel, { address, unfinished, pieceBytes, metadata, onProgress, tus = globalThis.tus }) {
  return new Promise((resolve, reject) => {
    const { files } = parcel;
    const data = files.length === 1 ? files[0] : tarOf(files);
    parcel.upload ??= new tus.Upload(data, {
      endpoint: address,
      uploadUrl: unfinished || null,
      chunkSize: pieceBytes,
      metadata: { ...metadata, filename: files.length === 1 ? files[0].name : "" },
      retryDelays: RETRY_MS,
      storeFingerprintForResuming: false,
      fingerprint: async () => null,
      httpStack: new CheckedStack(tus),
      onBeforeRequest: (request) => {
        request.setHeader("X-CSRFToken", cookie(document.cookie, "csrftoken"));
        request.setHeader("X-Requested-With", "XMLHttpRequest");
      },
      onShouldRetry: (error) => isPassing(statusOf(error)),
    });
    Object.assign(parcel.upload.options, {
      onProgress,
      onError: reject,
      onSuccess: () => resolve(parcel.upload.url),
    });
    parcel.upload.start();
  });
}

/** The status of the answer that ended an upload; 0 where there was none. */
export const statusOf = (error) => error.originalResponse?.getStatus() ?? 0;

/** What the server says of it, where it says something; "" otherwise. */
export function sentenceOf(error) {
  try {
    return JSON.parse(error.originalResponse.getBody()).detail ?? "";
  } catch {
    return "";
  }
}
