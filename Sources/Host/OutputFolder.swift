import Adapters
import Formats
import Foundation
import Training

/// The folder that a run writes into.
enum OutputFolder {
    /// Looked at before any work, without a trace: an adapter that is there already, a folder that cannot be written.
    static func check(_ path: String, resumes: Bool, overwrites: Bool) throws {
        let files = FileManager.default
        let hasAdapter = files.fileExists(atPath: path + "/adapter_config.json")
        let hasCheckpoint = Checkpoint(output: path).exists
        if resumes, hasAdapter, !hasCheckpoint {
            throw AdapterError(
                "the folder holds an adapter without a checkpoint, so there is nothing to resume", place: path,
                remedy: "replace it with --overwrite, or give another --output")
        }
        if !resumes, !overwrites, hasAdapter || hasCheckpoint {
            throw AdapterError(
                "the folder already holds an adapter or a checkpoint", place: path,
                remedy: "go on with --resume, replace it with --overwrite, or give another --output")
        }
        try Folder.check(path)
    }

    /// Makes the folder ready for a run. What an earlier run knew of itself goes, where this one is another; its adapter
    /// stays until this one has a better: files are replaced when the first epoch ends.
    static func prepare(_ path: String, resumes: Bool) throws {
        try Folder.make(path)
        let own = ["metrics.jsonl", "test_results.json", "last", "checkpoints"].map { "\(path)/\($0)" }
        if !resumes {
            for item in own where FileManager.default.fileExists(atPath: item) {
                try FileManager.default.removeItem(atPath: item)
            }
        }
        for folder in [path, path + "/last", path + "/checkpoints"] { Folder.removeTemporaries(in: folder) }
    }
}
