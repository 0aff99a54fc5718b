// Loads the native addon in its own process, so that a crash or a wrong library cannot take the installer with it.
// Usage: node self-test.cjs <prefix> <package name>; prints one line of JSON.
const util = require("node:util");
const { createRequire } = require("node:module");
const { join } = require("node:path");

// Deprecated in Node 22 and removed in 23, still called by tfjs-node 4.22 when an op is run.
util.isNullOrUndefined = (value) => value === null || value === undefined;
util.isArray = Array.isArray;

const [prefix, name] = process.argv.slice(2);
const tf = createRequire(join(prefix, "package.json"))(name);
const product = tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([5, 6, 7, 8], [2, 2]));
const values = Array.from(product.dataSync());
const backend = tf.backend();

process.stdout.write(`${JSON.stringify({
  ok: tf.getBackend() === "tensorflow" && values.join() === "19,22,43,50",
  values,
  backend: tf.getBackend(),
  tensorflow: backend.binding?.TF_Version,
  gpu: backend.isUsingGpuDevice === true,
})}\n`);
