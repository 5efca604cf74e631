/** Called with how many of a number of things are done. */
export type Progress = (done: number, total: number) => void;

/** Says on `stream` how many `things` were looked at: on a terminal, and after the first second only. */
export function progressOn(stream: NodeJS.WriteStream, things: string): Progress {
  const start = performance.now();
  let shown = false;
  return (done, total) => {
    if (!stream.isTTY || (!shown && performance.now() - start < 1000)) return;
    shown = done < total;
    stream.write(shown ? `\rkeyhole: looked at ${done} of ${total} ${things}` : "\r\x1b[K");
  };
}
