// Builds every script and style that a page names into api/console/assets (or the folder that is given), and writes the manifest.
// The same sources give the same bytes, so that a test can tell whether the committed files are those of the sources.
import { readdirSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "..", "api", "console", "assets");
// A file of the folder `pages` is the script of one page, or of every page that has none; all others are parts of them. Each page has all of
// its script in one file: a browser that follows a chain of files, be they kept, paints the page later.
const pages = readdirSync(join(here, "src", "pages")).filter((name) => name.endsWith(".ts"));
const entries = [...pages.map((name) => join(here, "src", "pages", name)), join(here, "src", "style.css"), join(here, "src", "plot.css")];

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const built = await build({
  absWorkingDir: here,
  entryPoints: entries,
  outdir: out,
  bundle: true,
  format: "esm",
  minify: true,
  target: "es2022",
  charset: "utf8",
  legalComments: "eof",
  entryNames: "[name]-[hash]",
  loader: { ".svg": "dataurl" },
  metafile: true,
});
const manifest = {};
for (const [file, about] of Object.entries(built.metafile.outputs)) {
  if (about.entryPoint !== undefined) {
    manifest[basename(about.entryPoint).replace(/\.ts$/, ".js")] = basename(file);
  }
}
const sorted = Object.fromEntries(Object.entries(manifest).sort(([one], [other]) => (one < other ? -1 : 1)));
writeFileSync(join(out, "manifest.json"), JSON.stringify(sorted, null, 2) + "\n");
