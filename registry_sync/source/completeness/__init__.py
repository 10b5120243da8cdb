"""Whether the pages that were read are all there is."""
