<?php
/**
 * How does a WooCommerce shop use Vitrine? As a plugin of two files, beside the kit in the folder /vitrine/ of the site.
 *
 * Plugin Name: Vitrine
 * Description: A private recommender: the model runs in the visitor's browser, and nothing leaves it.
 * Version: 0.1.0
 * Requires at least: 6.0
 * Requires PHP: 7.4
 * License: MIT OR Apache-2.0
 *
 * The recorder is on every page, a row stands below each product, and [vitrine placement="home" limit="8"] puts one
 * anywhere. What is printed needs no inline script or style. To change something, use the filter `vitrine_settings`.
 */

defined( 'ABSPATH' ) || exit;

/**
 * @return array<string, mixed> What a shop may want to change.
 */
function vitrine_settings() {
	return apply_filters(
		'vitrine_settings',
		array(
			'base'          => home_url( '/vitrine/', 'relative' ), // On the shop's own domain: workers load from nowhere else.
			'consent'       => '',   // tcf, google, none; empty: in memory until recorder.setConsent( true ) is called.
			'sources'       => '',   // For example: ga4 meta.
			'rules'         => '',   // Address of rules.json.
			'dismiss_label' => __( 'Not for me', 'vitrine' ),
		)
	);
}

/**
 * By which id does the catalogue know a product? By WooCommerce's own, a variation by that of its product; a shop that
 * trained on SKUs says so with the filter `vitrine_item_id`.
 *
 * @param WC_Product $product
 * @return string
 */
function vitrine_item_id( $product ) {
	$parent = $product->get_parent_id();
	return (string) apply_filters( 'vitrine_item_id', $parent ? $parent : $product->get_id(), $product );
}

/** The recorder, on every page of the shop and first of all modules. */
function vitrine_recorder() {
	if ( is_admin() ) {
		return;
	}
	$settings   = vitrine_settings();
	$attributes = array(
		'type'       => 'module',
		'src'        => $settings['base'] . 'recorder.js',
		'data-watch' => true, // An attribute without a value.
	);
	foreach ( array( 'consent', 'sources' ) as $name ) {
		if ( '' !== $settings[ $name ] ) {
			$attributes[ 'data-' . $name ] = $settings[ $name ];
		}
	}
	wp_print_script_tag( $attributes );
	wp_print_script_tag(
		array(
			'type' => 'module',
			'src'  => $settings['base'] . 'vitrine.js',
		)
	);
	wp_print_script_tag(
		array(
			'type'      => 'module',
			'src'       => plugins_url( 'vitrine-shop.js', __FILE__ ),
			'data-base' => $settings['base'],
		)
	);
}
add_action( 'wp_head', 'vitrine_recorder' );

/** Says which product this page is about: the recorder watches how long it is looked at. */
function vitrine_product_page() {
	global $product;
	if ( ! $product instanceof WC_Product ) {
		return;
	}
	printf( '<div hidden data-vitrine-page="%s"></div>', esc_attr( vitrine_item_id( $product ) ) );
}
add_action( 'woocommerce_before_single_product', 'vitrine_product_page' );

/** Says which product a tile of the shop is about: what was really seen is told from what was not. */
function vitrine_loop_link_open() {
	global $product;
	$link = apply_filters( 'woocommerce_loop_product_link', get_the_permalink(), $product );
	printf(
		'<a href="%s" class="woocommerce-LoopProduct-link woocommerce-loop-product__link" data-vitrine-item="%s">',
		esc_url( $link ),
		esc_attr( vitrine_item_id( $product ) )
	);
}

// By then WooCommerce, which may be loaded after this plugin, has added what is taken away here.
add_action(
	'init',
	function () {
		remove_action( 'woocommerce_before_shop_loop_item', 'woocommerce_template_loop_product_link_open', 10 );
		add_action( 'woocommerce_before_shop_loop_item', 'vitrine_loop_link_open', 10 );
		remove_action( 'woocommerce_after_single_product_summary', 'woocommerce_output_related_products', 20 );
		add_action( 'woocommerce_after_single_product_summary', 'vitrine_related', 20 );
	}
);

/**
 * The button below a tile puts into the cart; a click on it is that event.
 *
 * @param array<string, mixed> $arguments
 * @param WC_Product           $product
 * @return array<string, mixed>
 */
function vitrine_cart_button( $arguments, $product ) {
	// Where there is a choice first (sizes, colours), the button only leads to the product.
	if ( $product->supports( 'ajax_add_to_cart' ) && $product->is_purchasable() && $product->is_in_stock() ) {
		$arguments['attributes']['data-vitrine-event'] = 'cart_add';
		$arguments['attributes']['data-vitrine-item']  = vitrine_item_id( $product );
	}
	return $arguments;
}
add_filter( 'woocommerce_loop_add_to_cart_args', 'vitrine_cart_button', 10, 2 );

/**
 * The cross beside a line of the cart knows the catalogue's id, too.
 *
 * @param string $link
 * @param string $key
 * @return string
 */
function vitrine_remove_link( $link, $key ) {
	$line = WC()->cart ? WC()->cart->get_cart_item( $key ) : array();
	if ( empty( $line['data'] ) || ! $line['data'] instanceof WC_Product ) {
		return $link;
	}
	return str_replace( '<a ', sprintf( '<a data-vitrine-id="%s" ', esc_attr( vitrine_item_id( $line['data'] ) ) ), $link );
}
add_filter( 'woocommerce_cart_item_remove_link', 'vitrine_remove_link', 10, 2 );

/**
 * A row of recommendations around the shop's own bestsellers, which stay where nothing better comes.
 *
 * @param array<string, string>|string $given placement, limit, heading, seed.
 * @return string
 */
function vitrine_row( $given = array() ) {
	$given    = shortcode_atts(
		array(
			'placement' => 'home',
			'limit'     => '8',
			'heading'   => __( 'Picked for you', 'vitrine' ),
			'seed'      => '',
		),
		is_array( $given ) ? $given : array(),
		'vitrine'
	);
	$settings = vitrine_settings();
	$limit    = min( 24, max( 1, absint( $given['limit'] ) ) );

	$attributes = array(
		'package'       => $settings['base'] . 'model/',
		'placement'     => $given['placement'],
		'limit'         => (string) $limit,
		'heading'       => $given['heading'],
		'seed'          => $given['seed'],
		'rules'         => $settings['rules'],
		'dismiss-label' => $settings['dismiss_label'],
		'locale'        => str_replace( '_', '-', get_locale() ),
	);
	$html = '<vitrine-recs lazy reasons';
	foreach ( array_filter( $attributes, 'strlen' ) as $name => $value ) {
		$html .= sprintf( ' %s="%s"', $name, esc_attr( $value ) );
	}
	$html .= '>';
	if ( '' !== $given['heading'] ) {
		$html .= sprintf( '<h2>%s</h2>', esc_html( $given['heading'] ) );
	}
	$html .= '<ul class="products columns-4" role="list">';
	foreach ( vitrine_bestsellers( $limit, $given['seed'] ) as $product ) {
		$html .= sprintf(
			'<li class="product" data-vitrine-item="%s"><a href="%s">%s<span class="woocommerce-loop-product__title">%s</span> <span class="price">%s</span></a></li>',
			esc_attr( vitrine_item_id( $product ) ),
			esc_url( $product->get_permalink() ),
			wp_kses_post( $product->get_image() ),
			esc_html( $product->get_name() ),
			wp_kses_post( $product->get_price_html() )
		);
	}
	return $html . '</ul></vitrine-recs>';
}
add_shortcode( 'vitrine', 'vitrine_row' );

/**
 * @param int    $limit
 * @param string $seed Id of the product of this page, which is not shown.
 * @return WC_Product[]
 */
function vitrine_bestsellers( $limit, $seed ) {
	$found = wc_get_products(
		array(
			'status'       => 'publish',
			'stock_status' => 'instock',
			'visibility'   => 'catalog',
			'orderby'      => 'popularity',
			'limit'        => $limit + 1,
		)
	);
	$other = array_filter(
		$found,
		function ( $product ) use ( $seed ) {
			return vitrine_item_id( $product ) !== $seed;
		}
	);
	return array_slice( $other, 0, $limit );
}

/** Below each product, in the place of WooCommerce's random related products. */
function vitrine_related() {
	global $product;
	if ( ! $product instanceof WC_Product ) {
		return;
	}
	// phpcs:ignore WordPress.Security.EscapeOutput.OutputNotEscaped -- vitrine_row escapes each part.
	echo vitrine_row(
		array(
			'placement' => 'related',
			'limit'     => '4',
			'heading'   => __( 'You may also like', 'vitrine' ),
			'seed'      => vitrine_item_id( $product ),
		)
	);
}

/**
 * What was bought, for the recorder on the page that says thank you: ids and pieces, no name, no address, no price.
 *
 * @param int $order_id
 */
function vitrine_purchase( $order_id ) {
	$order = wc_get_order( $order_id );
	if ( ! $order ) {
		return;
	}
	foreach ( $order->get_items() as $line_id => $line ) {
		$product = $line->get_product();
		if ( $product instanceof WC_Product ) {
			printf(
				'<span hidden data-vitrine-bought="%s" data-vitrine-qty="%d" data-vitrine-line="%d"></span>',
				esc_attr( vitrine_item_id( $product ) ),
				absint( $line->get_quantity() ),
				absint( $line_id )
			);
		}
	}
}
add_action( 'woocommerce_thankyou', 'vitrine_purchase' );
