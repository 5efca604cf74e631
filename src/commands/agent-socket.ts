import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { formatAddress } from "../config/address.js";
import type { ListenAddress } from "../config/config.js";
import { KeyholeError } from "../errors.js";

const EXIT_REFUSED = 3;

/**
 * A connection to the agent at `address` by TLS. What listens there has to show the certificate that is the first of file
 * `certFile`, which is the agent's own: no name has to be in it then, since nobody else has its key. Any other certificate
 * has to be signed by one of the file and to name the address, as for curl --cacert: the agent of another node. Rejects
 * with KEYHOLE_NO_AGENT before anything is sent, with KEYHOLE_TLS where the file cannot be read, and with what the connection fails by.
 */
export async function connectTls(
  { host, port }: ListenAddress,
  certFile: string,
  timeout: number,
): Promise<TLSSocket> {
  const { ca, own } = readCertificates(certFile);
  const socket = connect({
    ...{ host, port, ca, timeout },
    ...(isIP(host) === 0 && { servername: host }),
    // judged below: the agent's own certificate is good for any name
    rejectUnauthorized: false,
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("secureConnect", resolve);
    socket.once("error", reject);
    socket.once("timeout", () => reject(new Error(`no answer in ${timeout / 1000} s`)));
  }).catch((error: unknown) => {
    socket.destroy();
    throw error;
  });
  const shown = socket.getPeerX509Certificate();
  if (socket.authorized || shown?.raw.equals(own.raw) === true) return socket;
  socket.destroy();
  throw new KeyholeError(
    `what listens at ${formatAddress({ host, port })} does not show the agent's certificate`,
    {
      code: "KEYHOLE_NO_AGENT",
      expected: `the certificate of ${certFile} (${fingerprint(own)}), or one that is signed by one of that file and names ${host}`,
      found: `${shown === undefined ? "none" : fingerprint(shown)}: ${String(socket.authorizationError)}`,
      hint: "see --address and tls.cert; an agent that was started before the file changed shows the certificate that it had",
      exitCode: EXIT_REFUSED,
    },
  );
}

function readCertificates(file: string): { readonly ca: Buffer; readonly own: X509Certificate } {
  try {
    const ca = readFileSync(file);
    return { ca, own: new X509Certificate(ca) };
  } catch (error) {
    throw new KeyholeError(`the certificate ${file} cannot be read`, {
      code: "KEYHOLE_TLS",
      expected: "a PEM certificate chain",
      found: (error as NodeJS.ErrnoException).code ?? (error as Error).message,
      hint: "check tls.cert: the agent is asked by TLS where it is set",
      exitCode: EXIT_REFUSED,
      cause: error,
    });
  }
}

function fingerprint({ fingerprint256 }: X509Certificate): string {
  return `sha256 ${fingerprint256.replaceAll(":", "").toLowerCase().slice(0, 16)}…`;
}
