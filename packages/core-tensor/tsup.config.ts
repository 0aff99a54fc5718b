import { library } from "../../tsup.base.ts";

export default library({ index: "src/index.ts", random: "src/random.ts", files: "src/files.ts", "files-node": "src/files-node.ts", errors: "src/errors.ts", node: "src/node.ts", "tensorflow-models": "src/tensorflow-models/index.ts" });
