// Start: give behaviour to what stands below `root`: the whole page, and later a section whose content was replaced.
function mount(root) {
  for (const add of [mountCharts, mountNumbers, mountTables, mountKinds, mountScrolling, mountCopying]) add(root);
}

mount(document);
