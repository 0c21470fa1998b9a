import Formats

/// The fields of `adapter_config.json` that the host handles itself, for every method alike.
package enum GeneralField: String, CaseIterable, Sendable {
    case targetModules = "target_modules"
    case excludeModules = "exclude_modules"
    case layersToTransform = "layers_to_transform"
    case layersPattern = "layers_pattern"
    case modulesToSave = "modules_to_save"

    /// Fields that say nothing of what the method computes: bookkeeping, or the details of something else that is off.
    static let inert: Set<String> = [
        "auto_mapping", "base_model_name_or_path", "inference_mode", "peft_type", "peft_version", "revision",
        "task_type",
        "megatron_core", "qalora_group_size",
    ]

    /// Whether a field that nobody knows says "off", so that leaving it out changes nothing.
    static func isOff(_ name: String, _ value: JSON) -> Bool {
        if inert.contains(name) { return true }
        return switch value {
        case .null, .bool(false), .string("none"), .array([]), .object([]): true
        // "As this method always begins": it counts before the first step only.
        case .bool(true): name.hasPrefix("init_") && name.hasSuffix("weights")
        case .object(let members): members.allSatisfy { isOff($0.key, $0.value) }
        default: false
        }
    }
}
