// CouchDB's API in memory, by PouchDB: `node couchdb.js PORT FOLDER`.
const PouchDB = require("pouchdb-core")
  .plugin(require("pouchdb-adapter-memory"))
  .plugin(require("pouchdb-find"));
const [port, folder] = process.argv.slice(2);
const options = {mode: "minimumForPouchDB", inMemoryConfig: true, logPath: `${folder}/log.txt`};
const api = require("express-pouchdb")(PouchDB, options);
require("express")().use("/", api).listen(Number(port), "127.0.0.1");
