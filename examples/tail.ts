/**
 * Prints what is appended to a file, until Ctrl-C: `tail -f`. Starts anew when the file was cut off.
 *
 *     deno run --allow-read examples/tail.ts /var/log/syslog
 */
import { type ByteFile, main, open, stdout, watch } from "@verdant/green";

const CHUNK = 65_536;

async function printNew(file: ByteFile) {
  if ((await file.stat()).size < await file.tell()) await file.seek(0);
  for (let bytes = await file.read(CHUNK); bytes !== null; bytes = await file.read(CHUNK)) {
    await stdout.bytes.write(bytes);
  }
}

main(async () => {
  const [path = "/var/log/syslog"] = Deno.args;
  using changes = watch(path); // before the first look: nothing can come in between
  await using file = await open(path, "rb");
  await file.seek(0, Deno.SeekMode.End);
  for await (const { kind } of changes) if (kind !== "access") await printNew(file);
});
