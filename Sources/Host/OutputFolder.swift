import Adapters
import Formats
import Foundation
import Training

/// The folder that a run writes into.
enum OutputFolder {
    /// Looked at before any work: an adapter that is there already, a folder that cannot be written.
    static func check(_ path: String, resumes: Bool, overwrites: Bool) throws {
        let files = FileManager.default
        if !resumes, !overwrites,
            files.fileExists(atPath: path + "/adapter_config.json") || Checkpoint(output: path).exists
        {
            throw AdapterError(
                "the folder already holds an adapter or a checkpoint", place: path,
                remedy: "go on with --resume, replace it with --overwrite, or give another --output")
        }
        try Folder.make(path)
        guard files.isWritableFile(atPath: path) else {
            throw AdapterError("the folder cannot be written", place: path, remedy: "give another --output")
        }
        for folder in [path, path + "/last", path + "/checkpoints"] { Folder.removeTemporaries(in: folder) }
    }

    /// Removes what an earlier run wrote, and nothing else.
    static func clear(_ path: String) throws {
        for name in [
            "adapter_config.json", "adapter_model.safetensors", Sidecar.fileName, Sidecar.programName, "metrics.jsonl",
            "last",
            "checkpoints",
        ] where FileManager.default.fileExists(atPath: "\(path)/\(name)") {
            try FileManager.default.removeItem(atPath: "\(path)/\(name)")
        }
    }
}
